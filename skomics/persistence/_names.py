"""What a model file may name: nothing else is ever looked up.

The lists are written out on purpose. A rule such as "every subclass of BaseEstimator"
lets in whatever scikit-learn, skorch or a plugin defines tomorrow.
"""

from importlib import import_module

from skomics._container import DTYPES

__all__ = ["DTYPES", "find", "name_of", "own_class_names"]

# Public module, then names.
_ESTIMATORS = {
    "sklearn.calibration": "CalibratedClassifierCV",
    "sklearn.compose": "ColumnTransformer TransformedTargetRegressor",
    "sklearn.cross_decomposition": "PLSRegression",
    "sklearn.decomposition": """
        FactorAnalysis FastICA IncrementalPCA KernelPCA PCA TruncatedSVD""",
    "sklearn.discriminant_analysis": """
        LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis""",
    "sklearn.dummy": "DummyClassifier DummyRegressor",
    "sklearn.ensemble": """
        AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor
        ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier
        GradientBoostingRegressor RandomForestClassifier RandomForestRegressor
        StackingClassifier StackingRegressor VotingClassifier VotingRegressor""",
    "sklearn.feature_extraction.text": "TfidfTransformer",
    "sklearn.feature_selection": """
        GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe
        SelectKBest SelectPercentile SequentialFeatureSelector VarianceThreshold""",
    "sklearn.frozen": "FrozenEstimator",
    "sklearn.impute": "KNNImputer MissingIndicator SimpleImputer",
    "sklearn.isotonic": "IsotonicRegression",
    "sklearn.kernel_approximation": "Nystroem RBFSampler",
    "sklearn.kernel_ridge": "KernelRidge",
    "sklearn.linear_model": """
        ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor
        HuberRegressor Lars LarsCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC
        LinearRegression LogisticRegression LogisticRegressionCV MultiTaskElasticNet
        MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit
        OrthogonalMatchingPursuitCV Perceptron PoissonRegressor QuantileRegressor Ridge
        RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier SGDRegressor
        TheilSenRegressor TweedieRegressor""",
    "sklearn.model_selection": """
        FixedThresholdClassifier GridSearchCV RandomizedSearchCV
        TunedThresholdClassifierCV""",
    "sklearn.multiclass": """
        OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier""",
    "sklearn.multioutput": """
        ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain""",
    "sklearn.naive_bayes": """
        BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB""",
    "sklearn.neighbors": """
        KNeighborsClassifier KNeighborsRegressor NearestCentroid
        NeighborhoodComponentsAnalysis RadiusNeighborsClassifier
        RadiusNeighborsRegressor""",
    "sklearn.neural_network": "MLPClassifier MLPRegressor",
    "sklearn.pipeline": "FeatureUnion Pipeline",
    "sklearn.preprocessing": """
        Binarizer FunctionTransformer KBinsDiscretizer KernelCenterer LabelBinarizer
        LabelEncoder MaxAbsScaler MinMaxScaler MultiLabelBinarizer Normalizer
        OneHotEncoder OrdinalEncoder PowerTransformer QuantileTransformer RobustScaler
        StandardScaler TargetEncoder""",
    "sklearn.random_projection": "GaussianRandomProjection SparseRandomProjection",
    "sklearn.semi_supervised": "SelfTrainingClassifier",
    "sklearn.svm": "LinearSVC LinearSVR NuSVC NuSVR SVC SVR",
    "sklearn.tree": """
        DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier
        ExtraTreeRegressor""",
    # Not public, but parts of fitted models.
    "sklearn.calibration._": "_SigmoidCalibration _TemperatureScaling",
    "sklearn.multiclass._": "_ConstantPredictor",
    "sklearn.model_selection._search_successive_halving": """
        HalvingGridSearchCV HalvingRandomSearchCV""",
}
# Objects that estimators hold and that are none themselves.
_RECORDS = {
    "sklearn.calibration._": "_CalibratedClassifier",
    "sklearn.metrics._scorer": "_MultimetricScorer _PassthroughScorer _Scorer",
    "sklearn.model_selection": """
        GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut
        LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold
        RepeatedStratifiedKFold ShuffleSplit StratifiedGroupKFold StratifiedKFold
        StratifiedShuffleSplit TimeSeriesSplit""",
}
_OURS = {
    "skomics": """
        AtacTfidfTransformer BlockRidgeClassifier CLRTransformer EFCNNClassifier
        EFNNClassifier LFCNNClassifier LFNNClassifier LibrarySizeNormalizer
        MValueTransformer MoGATClassifier MoGCNClassifier OmicsConcatenator
        SMAClassifier""",
    "skomics.preprocessing": """
        CohortScaler ReferenceQuantileNormalizer SampleRankTransformer""",
    "skomics.calibration": "ConformalClassifier SelectiveClassifier",
    # Defined in _layout; files know it by this name.
    "skomics._blocks": "BlockLayout",
    "skomics.estimators._graph_data": "GraphData",
    "skomics.feature_selection": "StabilitySelector",
    "skomics.graph": "MultiOmicsGraph SampleGraph",
    "skomics.graph._nemo": "Nemo NemoOmics",
    "skomics.graph._snf": "SimilarityNetworkFusion",
    "skomics.model_selection": """
        BatchedSearchCV CappedStratifiedKFold RepeatedStratifiedGroupKFold""",
}
_FUNCTIONS = {
    "sklearn.feature_selection": """
        chi2 f_classif f_regression mutual_info_classif mutual_info_regression
        r_regression""",
    "sklearn.metrics": """
        accuracy_score adjusted_mutual_info_score adjusted_rand_score
        average_precision_score balanced_accuracy_score brier_score_loss
        cohen_kappa_score completeness_score d2_absolute_error_score d2_brier_score
        d2_log_loss_score d2_pinball_score d2_tweedie_score explained_variance_score
        f1_score fbeta_score fowlkes_mallows_score hamming_loss hinge_loss
        homogeneity_score jaccard_score log_loss matthews_corrcoef max_error
        mean_absolute_error mean_absolute_percentage_error mean_gamma_deviance
        mean_pinball_loss mean_poisson_deviance mean_squared_error
        mean_squared_log_error mean_tweedie_deviance median_absolute_error
        mutual_info_score ndcg_score normalized_mutual_info_score precision_score
        r2_score rand_score recall_score roc_auc_score root_mean_squared_error
        root_mean_squared_log_error top_k_accuracy_score v_measure_score
        zero_one_loss""",
    "sklearn.metrics._scorer": "negative_likelihood_ratio positive_likelihood_ratio",
    # Element by element: one number in, one out.
    "numpy": """
        absolute arccos arccosh arcsin arcsinh arctan arctanh cbrt ceil cos cosh
        deg2rad degrees exp exp2 expm1 fabs floor log log10 log1p log2 negative
        positive rad2deg radians reciprocal rint sign sin sinh sqrt square tan tanh
        trunc""",
    "scipy.special": "cbrt exp10 exp2 expit expm1 log1p log_expit logit",
}
_TYPES = {
    "builtins": "bool float int object str",
    "numpy": """
        bool float16 float32 float64 int16 int32 int64 int8 object_ str_ uint16 uint32
        uint64 uint8""",
    "sklearn.model_selection": "KFold StratifiedGroupKFold StratifiedKFold",
}
_DISTRIBUTIONS = {
    "scipy.stats": """
        beta expon gamma halfnorm loguniform lognorm norm randint reciprocal uniform"""
}
_TABLES = {
    "class": (_ESTIMATORS, _RECORDS, _OURS),
    "function": (_FUNCTIONS,),
    "type": (_TYPES,),
    "distribution": (_DISTRIBUTIONS,),
}


def _listed(kind):
    for table in _TABLES[kind]:
        for module, names in table.items():
            for name in names.split():
                yield module.removesuffix("._"), name


_MODULES = {
    kind: {f"{module}.{name}": module for module, name in _listed(kind)}
    for kind in _TABLES
}
_NAMES: dict = {}


def find(kind, path):
    """Return what a file names.

    Parameters
    ----------
    kind : {"class", "function", "type", "distribution"}
        Which list it must be on.

    path : object
        What the file has: the module and the name, joined by a point.

    Returns
    -------
    obj : object
        The class or function.

    Raises
    ------
    ValueError
        If it is not on the list. Nothing has been imported then.
    """
    module = _MODULES[kind].get(path) if isinstance(path, str) else None
    if module is None:
        what = path if isinstance(path, str) else type(path).__name__
        raise ValueError(
            f"names the {kind} {what!r:.100}, which is not on the list of what a model "
            "file may name, and was not looked up"
        )
    try:
        return getattr(import_module(module), path.removeprefix(f"{module}."))
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"names {path}, which the scikit-learn, NumPy or SciPy that is installed "
            "here does not have"
        ) from error


def name_of(kind, obj):
    """Return the name by which a file may refer to something, or None.

    Parameters
    ----------
    kind : {"class", "function", "type", "distribution"}
        Which list to look at.

    obj : object
        A class or a function.

    Returns
    -------
    path : str or None
        None if it is not on the list.
    """
    own = getattr(obj, "__name__", None) or getattr(obj, "name", None)
    if (kind, own) not in _NAMES:
        paths = [p for p in _MODULES[kind] if p.rpartition(".")[2] == own]
        _NAMES[kind, own] = [(path, _find_or_none(kind, path)) for path in paths]
    for path, found in _NAMES[kind, own]:
        if found is obj or (kind == "distribution" and type(found) is type(obj)):
            return path
    return None


def _find_or_none(kind, path):
    try:
        return find(kind, path)
    except ValueError:
        return None


def own_class_names():
    """Return the names of skomics' own classes that a file may hold."""
    return [
        f"{module}.{name}" for module, names in _OURS.items() for name in names.split()
    ]
