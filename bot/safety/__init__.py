"""What may come in and go out. Enter by `verdict.Safety.verdict`; each rule is a file in rules/. A model that is free
in its words is read by `judge.Judge` too, once the rules have nothing against it."""
