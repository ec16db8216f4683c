"""What ships: a card, ONNX graphs and test tensors in one ``.cellwright`` file."""
