"""The bench of the task `estimator.papers.vecoven2020.task`: its corpus, its entries, how they are trained
and measured."""
