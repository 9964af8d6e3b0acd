"""Who the members are, and what fits them.

By the front door comes a member who asks (`/me`, `/suggest`): a profile is derived from their interactions, signals
score products for it, and a suggestion is worded with its true cause. The other door is the ticker's: once a day
`Suggestions.push` does the same for those who subscribed, through the attention ledger, but for a few by chance, and
logs it: `lift.py` says by that log whether it helps. Nothing derived is stored, so what is forgotten in the
interactions is forgotten here. `Rights` is what members may ask about themselves (`/mydata`, `/optout`, `/forgetme`),
`stats.py` what the merchant may ask about all of them.
"""
