"""Commands about networks: weights, training, fine-tuning."""
