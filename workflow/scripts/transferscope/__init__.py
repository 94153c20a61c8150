"""transferscope: what is transferred in transfer learning, layer by layer."""
