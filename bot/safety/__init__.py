"""What may come in and go out. Enter by `verdict.Safety.verdict`; each rule is a file in rules/."""
