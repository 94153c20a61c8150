"""Where networks lie in the space of parameters, and how the loss looks between and around them."""
