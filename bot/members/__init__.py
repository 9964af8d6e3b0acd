"""Who the members are, and what fits them.

All that a member does comes in by `Traits.record`, in the transaction of the message: the interaction, and the traits
that follow from it. By the front door comes a member who asks (`/me`, `/suggest`): a profile is what their traits come
to, signals score products for it, and a suggestion is worded with its true cause. Admins ask whom a rule holds for
(`segments.py`). The other door is the ticker's: once a day `Suggestions.push` does the same for those who subscribed,
through the attention ledger, but for a few by chance, and logs it: `lift.py` says by that log whether it helps. What is
forgotten in the interactions is gone from what is derived once `Traits.rebuild` has run. `Rights` is what members may
ask about themselves (`/mydata`, `/optout`, `/forgetme`), `stats.py` what the merchant may ask about all of them.
"""
