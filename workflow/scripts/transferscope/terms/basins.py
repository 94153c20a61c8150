"""Neyshabur et al. 2020: networks and pairs of them, their images and modules.

P is the pre-trained network, P-T one fine-tuned from it, RI-T one trained from a random initialisation.
"""

PRETRAINED, TUNED, SCRATCH = "P", "P-T", "RI-T"
# pairs, with the paper's names; two P-T start from the same P, two RI-T from two initialisations
TUNED_PAIR, SCRATCH_PAIR, MIXED_PAIR = "P-T & P-T", "RI-T & RI-T", "P-T & RI-T"
SAME_INIT = "RI-T & RI-T same init"
SHARED_HEAD = "P-T & P-T shared head"  # whose new heads were equal, too
TUNED_AND_P, SCRATCH_AND_P = "P-T & P", "RI-T & P"
RELATED, FAR = "related", "far"  # what a target is to the source; the paper's: real and clipart, quickdraw

# of P-T and RI-T; the second of these has the new head, or the initialisation, of the first
FIRST_INSTANCE, SAME_INIT_INSTANCE = "1", "1b"
PIXELS = 0  # block size of images whose values were shuffled across pixels and channels, the paper's "*"
TOTAL = "total"  # in the place of a module: all of the network but its head
DIRECT, OPTIMISATION = "direct", "optimisation"  # paths from a module's initial to its final value
