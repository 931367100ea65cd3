"""Sums that nobody sees the terms of: pairwise masks that cancel, and shares for those that go.

Source: Bonawitz et al. (2017), "Practical Secure Aggregation for Privacy-Preserving Machine
Learning", CCS, figure 4 without the underlined parts (a server that follows the protocol), with the
complete graph of members. docs/decisions/0014-secure-sums.md says what holds and what does not.
"""
