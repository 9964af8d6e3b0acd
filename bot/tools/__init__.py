"""What the command line does besides parsing. A file per verb, or per pair that share their work."""
