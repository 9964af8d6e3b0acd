"""The demo shop: what a first `make run` opens with. Data of our own making, imported like any merchant's."""

FILES = ("shop.json", "catalog.csv", "faq.md", "faq.zh.md")
