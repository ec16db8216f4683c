"""Paper 2: a U-Net, losses and optimizers, quantization and pruning."""
