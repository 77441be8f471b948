"""Scikit-learn on numbers: classes, probabilities, regressions, clusters and outliers."""

from __future__ import annotations

from mlflow.models import infer_signature
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, PowerTransformer, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC
from statsmodels.datasets import engel

from .ordinary import PICKLED, SEED, Ordinary


def iris_forest() -> Ordinary:
    """A forest on numbers, classes out."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    model = RandomForestClassifier(random_state=SEED).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED), options=PICKLED)


def iris_probabilities() -> Ordinary:
    """A pipeline served by predict_proba, several numbers out a row."""
    frame, target = datasets.load_iris(return_X_y=True, as_frame=True)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame, target)
    return Ordinary(
        flavor="sklearn",
        model=model,
        example=frame.sample(5, random_state=SEED),
        signature=infer_signature(frame, model.predict_proba(frame)),  # MLflow itself would infer that of predict
        options={"pyfunc_predict_fn": "predict_proba"},
    )


def iris_bayes() -> Ordinary:
    """Gaussian naive Bayes, the class's name out."""
    loaded = datasets.load_iris(as_frame=True)
    frame = loaded.data[["petal length (cm)", "petal width (cm)"]]
    model = GaussianNB().fit(frame, loaded.target_names[loaded.target])
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED))


def iris_outliers() -> Ordinary:
    """An isolation forest: 1, or -1 for an outlier."""
    frame, _ = datasets.load_iris(return_X_y=True, as_frame=True)
    frame = frame[["petal length (cm)", "petal width (cm)"]]
    model = IsolationForest(n_estimators=20, random_state=SEED).fit(frame)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED), options=PICKLED)


def wine_bins() -> Ordinary:
    """Bins before a regression."""
    frame, target = datasets.load_wine(return_X_y=True, as_frame=True)
    frame = frame[["alcohol", "color_intensity", "proline"]]
    bins = KBinsDiscretizer(n_bins=4, quantile_method="averaged_inverted_cdf")
    model = make_pipeline(bins, LogisticRegression()).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED), options=PICKLED)


def wine_clusters() -> Ordinary:
    """Principal components, then clusters: an int32 out."""
    frame, _ = datasets.load_wine(return_X_y=True, as_frame=True)
    frame = frame[["alcohol", "flavanoids", "color_intensity"]]
    model = make_pipeline(StandardScaler(), PCA(2), KMeans(3, n_init=10, random_state=SEED)).fit(frame)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED), options=PICKLED)


def cancer_svc() -> Ordinary:
    """A support vector machine."""
    frame, target = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    frame = frame[["mean radius", "mean texture", "mean smoothness"]]
    model = make_pipeline(StandardScaler(), SVC()).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED))


def cancer_calibrated() -> Ordinary:
    """Calibrated probabilities of a linear machine that has none."""
    frame, target = datasets.load_breast_cancer(return_X_y=True, as_frame=True)
    frame = frame[["mean radius", "mean texture", "mean smoothness"]]
    model = CalibratedClassifierCV(make_pipeline(StandardScaler(), LinearSVC(random_state=SEED))).fit(frame, target)
    return Ordinary(
        flavor="sklearn",
        model=model,
        example=frame.sample(5, random_state=SEED),
        signature=infer_signature(frame, model.predict_proba(frame)),
        options={"pyfunc_predict_fn": "predict_proba", **PICKLED},
    )


def diabetes_power() -> Ordinary:
    """A power transform before a support vector regression; whole numbers and a code among the columns."""
    frame, target = datasets.load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    frame = frame[["age", "sex", "bmi"]].astype({"age": "int64", "sex": "int64"})
    model = make_pipeline(PowerTransformer(), SVR()).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.sample(5, random_state=SEED))


def engel_process() -> Ordinary:
    """A Gaussian process: what a household spends on food, by its income."""
    frame = engel.load_pandas().data
    kernel = RBF() + WhiteKernel()
    process = GaussianProcessRegressor(kernel, normalize_y=True, random_state=SEED)
    model = make_pipeline(StandardScaler(), process).fit(frame[["income"]], frame["foodexp"])
    return Ordinary(flavor="sklearn", model=model, example=frame[["income"]].head(5), options=PICKLED)


def linnerud_targets() -> Ordinary:
    """Three targets at once, of few rows."""
    frame, target = datasets.load_linnerud(return_X_y=True, as_frame=True)
    model = MultiOutputRegressor(Ridge()).fit(frame, target)
    return Ordinary(flavor="sklearn", model=model, example=frame.head(5))


def digits_neighbors() -> Ordinary:
    """Nearest neighbours on an array: a tensor in and out."""
    images, target = datasets.load_digits(return_X_y=True)
    model = KNeighborsClassifier().fit(images[:600], target[:600])
    return Ordinary(flavor="sklearn", model=model, example=images[600:605])


MODELS = (
    iris_forest,
    iris_probabilities,
    iris_bayes,
    iris_outliers,
    wine_bins,
    wine_clusters,
    cancer_svc,
    cancer_calibrated,
    diabetes_power,
    engel_process,
    linnerud_targets,
    digits_neighbors,
)
