"""The bench of the task `estimator.thesis26`: its corpus, its entries, how they are trained and measured."""
