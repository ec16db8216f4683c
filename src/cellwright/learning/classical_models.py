"""Models of before networks, on hand-made measurements: one row each, imported when used.

Paper 5 compares its networks with a support vector machine, a random forest and a decision
tree; logistic regression and gradient boosting stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Classical:
    """One model.

    Attributes:
        build: a seed, and the settings by name, to an unfitted scikit-learn classifier.
        answers: ``scores``, one number a class without bounds, or ``shares`` that sum to 1.
        scaled: whether the measurements are brought to mean 0 and standard deviation 1 first.
            Trees do not need it, and compare exactly without.
    """

    build: Callable[..., Any]
    answers: Literal["scores", "shares"]
    scaled: bool


def support_vectors(seed: int, *, C: float = 1.0, gamma: float | str = "scale") -> Any:  # noqa: N803
    """Cortes and Vapnik, Support-Vector Networks, Machine Learning 20:273, 1995; RBF kernel."""
    from sklearn.svm import SVC  # noqa: PLC0415 - scikit-learn takes a second to import

    return SVC(C=C, gamma=gamma, kernel="rbf", random_state=seed)


def logistic_regression(seed: int, *, C: float = 1.0) -> Any:  # noqa: N803
    """Multinomial logistic regression with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - as above

    return LogisticRegression(C=C, max_iter=2000, random_state=seed)


def decision_tree(seed: int, *, max_depth: int | None = None, min_samples_leaf: int = 5) -> Any:
    """Breiman, Friedman, Olshen and Stone, Classification and Regression Trees, 1984."""
    from sklearn.tree import DecisionTreeClassifier  # noqa: PLC0415 - as above

    return DecisionTreeClassifier(
        max_depth=max_depth, min_samples_leaf=min_samples_leaf, random_state=seed
    )


def random_forest(
    seed: int,
    *,
    n_estimators: int = 300,
    max_depth: int | None = None,
    min_samples_leaf: int = 1,
    max_features: float | str = "sqrt",
) -> Any:
    """Breiman, Random Forests, Machine Learning 45:5, 2001."""
    from sklearn.ensemble import RandomForestClassifier  # noqa: PLC0415 - as above

    return RandomForestClassifier(
        n_estimators,
        max_depth=max_depth,
        min_samples_leaf=min_samples_leaf,
        max_features=max_features,
        random_state=seed,
        n_jobs=1,
    )


def gradient_boosting(
    seed: int,
    *,
    n_estimators: int = 150,
    learning_rate: float = 0.1,
    max_depth: int = 3,
    subsample: float = 0.8,
    max_features: float | str = "sqrt",
) -> Any:
    """Friedman, Stochastic Gradient Boosting, Comput. Stat. Data Anal. 38:367, 2002."""
    from sklearn.ensemble import GradientBoostingClassifier  # noqa: PLC0415 - as above

    return GradientBoostingClassifier(
        n_estimators=n_estimators,
        learning_rate=learning_rate,
        max_depth=max_depth,
        subsample=subsample,
        max_features=max_features,
        random_state=seed,
    )


CLASSICAL: dict[str, Classical] = {
    "decision-tree": Classical(decision_tree, "shares", scaled=False),
    "gradient-boosting": Classical(gradient_boosting, "scores", scaled=False),
    "logistic-regression": Classical(logistic_regression, "scores", scaled=True),
    "random-forest": Classical(random_forest, "shares", scaled=False),
    "svm": Classical(support_vectors, "scores", scaled=True),
}
"""Models that learn from measurements; beside :data:`cellwright.models.CLASSIFIERS`."""
