"""Crafted model files, each with a valid checksum: refused, and nothing is run."""

import numpy as np
import pytest

from skomics import EFNNClassifier, load_model
from tests.persistence.files import (
    array_of,
    assert_refused,
    forge,
    parts_of,
    refuse_all,
    state_of,
    watched,
)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


# Names of classes and functions

CLASSES = """
    os.system builtins.eval builtins.object subprocess.Popen skorch.net.NeuralNet
    skomics.estimators._net.OmicsNet skomics.estimators._graph_net.GraphNet
    skomics.estimators._base.BaseOmicsClassifier skomics.estimators.EFNNClassifier
    skomics.EFNNClassifier.fit skomics.persistence.load_model skomics.os
    skomics.estimators._net.EpochReporter skomics.benchmark.run
    sklearn.base.BaseEstimator sklearn.utils.Bunch sklearn.base.clone
    sklearn.externals.joblib.load sklearn.datasets.fetch_openml
    sklearn.callback.ScoringMonitor sklearn.callback.ProgressBar
    sklearn.ensemble.HistGradientBoostingClassifier sklearn.cluster.KMeans
    sklearn.neighbors.KDTree sklearn.tree._tree.Tree
    sklearn.utils._pprint._EstimatorPrettyPrinter
    sklearn.pipeline.Pipeline.__init__ sklearn.tests.test_base.MyEstimator
    sklearn.preprocessing._data.StandardScaler StandardScaler . sklearn. .os
    torch.nn.Module torch.load numpy.ndarray numpy.load pandas.DataFrame
    pandas.read_pickle sklearn..StandardScaler sklearn.preprocessing.StandardScaler.
""".split()
FUNCTIONS = """
    os.system builtins.eval builtins.exec builtins.open builtins.__import__
    subprocess.run numpy.load numpy.fromfile numpy.save numpy.memmap numpy.genfromtxt
    numpy.loadtxt numpy.frompyfunc numpy.vectorize numpy.lib.npyio.load
    numpy.exp.__call__ scipy.io.loadmat scipy.special.os scipy.special
    sklearn.metrics.make_scorer sklearn.metrics.get_scorer
    sklearn.metrics._scorer._cached_call sklearn.feature_selection.SelectKBest
    sklearn.datasets.load_files torch.load torch.hub.load pandas.eval
    pandas.read_pickle pickle.loads joblib.load importlib.import_module
    sklearn.utils.metaestimators.available_if shutil.rmtree f_classif
""".split()


@pytest.mark.parametrize("name", CLASSES)
def test_only_classes_on_the_list_are_looked_up(name, file):
    structure, tensors = parts_of("net")
    step = structure["object"][1]["steps"][1]["tuple"][1]
    step["object"][0] = name
    forge(file, structure, tensors)
    assert_refused(file, match=r"steps\[1\]\[1\] names the class .* not on the list")
    forge(file, {"object": [name, {}]}, {})
    assert_refused(file, match="model names the class .* was not looked up")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_only_functions_on_the_list_are_looked_up(name, file):
    structure, tensors = parts_of("net")
    state_of(structure, "SelectKBest")["score_func"] = {"function": name}
    forge(file, structure, tensors)
    assert_refused(file, match="score_func names the function .* not on the list")


def test_names_of_other_kinds_are_refused(file):
    kinds = ("class", "function", "type", "distribution", "object", "method")
    names = (None, 3, [], {}, ["os", "system"], True, "sklearn.metrics.f1_score")
    variants = []
    for kind in kinds:
        for name in names:
            structure, tensors = parts_of("net")
            node = {kind: [name, {}] if kind == "object" else name}
            state_of(structure, "SelectKBest")["k"] = node
            variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


# Dtypes and single values

DTYPES = (
    "<U400000000 O object0 V1000000000 /etc/passwd float128 longdouble complex64 m8 M8 "
    "datetime64[D] i4,i4 (1000000,1000000)f8 f8,/etc/passwd >f8 <f8 f8 double S U "
    "bytes S400000000 void str_ unicode int_ p P np.float64 numpy.float64 "
    "{'names':['a']} b1 ?"
).split()


@pytest.mark.parametrize("name", [*DTYPES, None, 3, [], {}, ["f8"], True])
def test_only_dtypes_on_the_list_are_made(name, file):
    for node in ({"dtype": name}, {"scalar": [name, 1]}, {"type": name}):
        structure, tensors = parts_of("linear")
        state_of(structure, "LogisticRegression")["class_weight"] = node
        forge(file, structure, tensors)
        assert_refused(file, match="class_weight")


# Attributes

ATTRIBUTES = """
    __class__ __dict__ __doc__ __doc_link_template __getattr__ __getstate__ __init__
    __reduce__ __setstate__ __module__ __call__ _doc_link_module _doc_link_template
    _doc_link_url_param_generator _get_param_names _html_repr _net_class
    _parameter_constraints _repr_html_ _repr_html_inner _repr_mimebundle_
    _sk_visual_block_ _skl_callbacks _validate_params _estimator_type decision_function
    fit get_params net_ predict predict_proba score set_params transform_output
    sklearn_tags x not-a-name __x_ _x_ a.b fit_
""".split()
HOLDERS = {
    "net": ("EFNNClassifier", "OmicsConcatenator", "BlockLayout", "SelectKBest"),
    "graph": ("GraphData", "MultiOmicsGraph", "SampleGraph"),
    "search": ("GridSearchCV", "StratifiedKFold", "_PassthroughScorer"),
}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_only_attributes_on_the_list_are_set(name, file):
    for model, holders in HOLDERS.items():
        for holder in holders:
            if name in ("fit_", "net_") and holder in ("SelectKBest", "GridSearchCV"):
                continue  # a name that a fitted estimator might have, and no method
            structure, tensors = parts_of(model)
            state_of(structure, holder)[name] = "<script>alert(1)</script>"
            forge(file, structure, tensors)
            assert_refused(file, match=f"has the attribute .* {holder} in a file may")


def test_no_part_of_the_html_is_from_a_file(file):
    structure, tensors = parts_of("linear")
    state = state_of(structure, "LogisticRegression")
    state["extra_"] = "<script>alert(1)</script>"
    forge(file, structure, tensors)
    assert "<script>alert" not in load_model(file)._repr_html_()


ACTIONS = {
    "n_jobs": (-1, 1, 3000, 2**40),
    "n_threads": (-1, 1, 3000, 2**40),
    "memory": ("/", "folder", "../folder", "\x00"),
    "verbose": (True, 1, 99, -1),
    "pre_dispatch": ("all", "__import__('os').system('x')", 10**9, "9**9**9"),
    "callbacks": ([], ["print"], [[]], "print_log"),
    "net_params": (
        *({"dict": [["compile", True]]}, {"dict": [["device", "meta"]]}),
        *({"dict": [["max_epochs", 10**9]]}, {"dict": []}, "compile", []),
    ),
}


@pytest.mark.parametrize("name", ACTIONS)
def test_what_acts_on_the_machine_is_not_taken_from_a_file(name, file):
    for value in ACTIONS[name]:
        for model in ("net", "search"):
            structure, tensors = parts_of(model)
            structure["object"][1][name] = value
            inner = "EFNNClassifier" if model == "net" else "LogisticRegression"
            state_of(structure, inner)[name] = value
            forge(file, structure, tensors)
            with watched(file):
                loaded = load_model(file)
            for part in (loaded, getattr(loaded, "best_estimator_", loaded)):
                params = part.get_params(deep=False)
                fresh = type(part).__init__.__kwdefaults__ or {}
                assert params.get(name, fresh.get(name)) == fresh.get(name)
                assert name in params or name not in vars(part)
            if model == "net":
                default = EFNNClassifier().get_params().get(name)
                assert vars(loaded[-1]).get(name, default) == default


# Networks


def test_networks_that_are_not_sound_are_refused(file):
    variants = []

    def vary(change):
        structure, tensors = parts_of("net")
        state = state_of(structure, "EFNNClassifier")
        pairs = state["_net_state"]["dict"]
        net = dict(map(tuple, pairs))
        weights = net["weights"]["dict"]
        change(state, pairs, weights, tensors)
        variants.append((structure, tensors))

    n_weights = len(parts_of("net")[0] and _weights_of("net"))
    for i in range(n_weights):
        for bad in (np.nan, np.inf, -np.inf):

            def spoil(state, pairs, weights, tensors, i=i, bad=bad):
                tensors[array_of(tensors, weights[i][1])].flat[0] = bad

            vary(spoil)
        for make in (
            lambda a: a[:0],
            lambda a: a[:-1],
            lambda a: a[None],
            lambda a: a.astype(np.float64),
            lambda a: a.astype(np.int64),
            lambda a: np.concatenate([a, a]),
        ):

            def reshape(state, pairs, weights, tensors, i=i, make=make):
                name = array_of(tensors, weights[i][1])
                tensors[name] = make(tensors[name])

            vary(reshape)
        vary(lambda s, p, w, t, i=i: w.pop(i))
        vary(lambda s, p, w, t, i=i: w[i].__setitem__(0, "other"))
        vary(lambda s, p, w, t, i=i: w[i].__setitem__(1, "weights"))
    vary(lambda s, p, w, t: s.__setitem__("_net_state", None))
    vary(lambda s, p, w, t: s.pop("_net_state"))
    vary(lambda s, p, w, t: p.append(["code", "print()"]))
    refuse_all(file, variants, match="makes no model here")


def _weights_of(name):
    structure, _ = parts_of(name)
    net = dict(map(tuple, state_of(structure, "EFNNClassifier")["_net_state"]["dict"]))
    return net["weights"]["dict"]


HUGE = (15_000, 10**9, 10**12, 2**62, -1, 0, 1.5, "9", None, [], True)


@pytest.mark.parametrize("value", HUGE, ids=str)
def test_sizes_that_the_weights_do_not_have_are_refused(value, file):
    tuples = [[value], [value, value], [8, value], [value] * 100]
    for sizes in tuples:
        structure, tensors = parts_of("net")
        state = state_of(structure, "EFNNClassifier")
        architecture = [
            ["block_sizes", [4, 4, 4]],
            ["n_classes", 3],
            ["hidden_sizes", {"tuple": sizes}],
        ]
        state["hidden_layer_sizes"] = {"tuple": sizes}
        net = state["_net_state"]["dict"]
        net[:] = [p for p in net if p[0] != "architecture"]
        net.append(["architecture", {"dict": architecture}])
        forge(file, structure, tensors)
        assert_refused(file, match="makes no model here")


# Sparse matrices and random states


def test_sparse_matrices_that_lead_out_of_their_memory_are_refused(file):
    structure, tensors = parts_of("graph")
    node = state_of(structure, "SampleGraph")["graph_"]["sparse"]
    n = node[1][0]
    indices, indptr = (array_of(tensors, node[i]) for i in (3, 4))
    data = array_of(tensors, node[2])

    def with_array(name, change):
        copies = {key: array.copy() for key, array in tensors.items()}
        copies[name] = change(copies[name])
        return structure, copies

    def put(place, value):
        def change(array):
            array[place] = value
            return array

        return change

    variants = [with_array(indices, put(p, v)) for p in (0, 3, -1) for v in (n, -1, -n)]
    variants += [with_array(indices, put(0, v)) for v in (2**31 - 1, -(2**31), 10**6)]
    variants += [with_array(indptr, put(p, v)) for p in (0, 2, -1) for v in (-1, 10**6)]
    variants += [
        with_array(indptr, lambda a: a[:-1]),
        with_array(indptr, lambda a: a[1:]),
    ]
    variants += [with_array(indptr, lambda a: a[::-1].copy())]
    variants += [with_array(name, lambda a: a[:-1]) for name in (data, indices)]
    for kind in ("f4", "f8", "u8", "?", "i1"):
        variants += [with_array(indices, lambda a, kind=kind: a.astype(kind))]
        variants += [with_array(indptr, lambda a, kind=kind: a.astype(kind))]
    for shape in ([n], [n, n, n], [n, 2**60], [2**60, n], [-1, n], [n, 1], [True, n]):
        changed, copies = parts_of("graph")
        state_of(changed, "SampleGraph")["graph_"]["sparse"][1] = shape
        variants.append((changed, copies))
    for kind in ("coo_array", "csr", "dok_array", "csc_matrix", None, "linalg", 0):
        changed, copies = parts_of("graph")
        state_of(changed, "SampleGraph")["graph_"]["sparse"][0] = kind
        variants.append((changed, copies))
    refuse_all(file, variants, match="makes no model here")


def test_random_states_of_no_generator_are_refused(file):
    variants = []
    parts = {
        1: (-1, 625, 2**31, 2**40, 1.5, True, None, "1", [], 10**30),
        2: (2, -1, True, 0.0, None, "0", 2**40),
        3: (None, 1, "0", {"float": "nan"}, {"float": "inf"}, [], True),
    }
    for place, values in parts.items():
        for value in values:
            structure, tensors = parts_of("graph")
            state_of(structure, "MoGCNClassifier")["random_state"]["random_state"][
                place
            ] = value
            variants.append((structure, tensors))
    for change in (
        lambda a: a[:-1],
        lambda a: a[:0],
        lambda a: np.concatenate([a, a]),
        lambda a: a.astype(np.int64),
        lambda a: a.astype(np.float64),
        lambda a: a[None],
    ):
        structure, tensors = parts_of("graph")
        node = state_of(structure, "MoGCNClassifier")["random_state"]["random_state"][0]
        name = array_of(tensors, node)
        tensors[name] = change(tensors[name])
        variants.append((structure, tensors))
    for content in ([], [1], None, "MT19937", {}):
        structure, tensors = parts_of("graph")
        node = {"random_state": content}
        state_of(structure, "MoGCNClassifier")["random_state"] = node
        variants.append((structure, tensors))
    refuse_all(file, variants, match="random_state.* (is no state|does not have)")


# Compiled code that trusts what it is given


def tree_node(structure, name="DecisionTreeClassifier"):
    return state_of(structure, name)["tree_"]["tree"]


def spoiled_tree_nodes():
    """Return trees with a node that leads nowhere, or asks for no feature."""
    places = [(field, 1, 1) for field in ("left_child", "right_child")]
    places += [(field, -1, 0) for field in ("left_child", "right_child")]
    for value in (0, -2, -5, 10**6, 2**40, -(2**40), -1):
        places += [("left_child", 0, value), ("right_child", 0, value)]
    places += [("feature", 0, v) for v in (-1, -2, 24, 10**6, -(2**40), 2**40)]
    places += [("threshold", 0, np.nan), ("missing_go_to_left", 0, 200)]
    for field, place, value in places:
        structure, tensors = parts_of("tree")
        fields = dict(zip(FIELDS, tree_node(structure)[3], strict=True))
        tensors[array_of(tensors, fields[field])][place] = value
        yield structure, tensors


def spoiled_tree_sizes():
    """Return trees with other numbers of features, outputs, classes or nodes."""
    wrong = {0: (23, 0, -1, 2**60), 1: (0, 2, 10**9), 2: (10**9, -1)}
    for place, value in [(p, v) for p, values in wrong.items() for v in values]:
        structure, tensors = parts_of("tree")
        tree_node(structure)[0][place] = value
        yield structure, tensors
    changes = [(1, lambda a: a * 0), (1, lambda a: -a)]
    for part in (1, 2):
        changes += [(part, lambda a: a[:0]), (part, lambda a: a[None])]
    for part, change in changes:
        structure, tensors = parts_of("tree")
        name = array_of(tensors, tree_node(structure)[part])
        tensors[name] = change(tensors[name])
        yield structure, tensors
    for field in range(len(FIELDS)):
        for change in (lambda a: a[:-1], lambda a: a.astype(np.float16)):
            structure, tensors = parts_of("tree")
            name = array_of(tensors, tree_node(structure)[3][field])
            tensors[name] = change(tensors[name])
            yield structure, tensors


def test_trees_that_are_none_are_refused(file):
    variants = [*spoiled_tree_nodes(), *spoiled_tree_sizes()]
    refuse_all(file, variants, match="makes no model here")


FIELDS = (
    *("left_child", "right_child", "feature", "threshold", "impurity"),
    *("n_node_samples", "weighted_n_node_samples", "missing_go_to_left"),
)


@pytest.mark.parametrize(
    ("model", "holder"),
    [
        ("forest", "RandomForestClassifier"),
        ("boosting", "GradientBoostingClassifier"),
        ("tree", "DecisionTreeClassifier"),
        ("svm", "SVC"),
        ("sparse_svm", "SVC"),
        ("knn", "KNeighborsClassifier"),
    ],
)
def test_state_of_compiled_code_that_does_not_fit_is_refused(model, holder, file):
    """Shapes, counts and indices that the code itself does not look at."""
    variants = []
    needed = NEEDED[holder]
    for attribute in needed:
        for value in JUNK:
            structure, tensors = parts_of(model)
            state_of(structure, holder)[attribute] = value
            variants.append((structure, tensors))
        structure, tensors = parts_of(model)
        del state_of(structure, holder)[attribute]
        variants.append((structure, tensors))
        node = state_of(parts_of(model)[0], holder)[attribute]
        if isinstance(node, dict) and "array" in node:
            harmless = attribute in HARMLESS
            spoilers = SPOILERS[: -1 if harmless else None]
            spoilers = spoilers[3:] if attribute == "_probA" else spoilers
            variants += [_with_array(model, holder, attribute, c) for c in spoilers]
    refuse_all(file, variants, match="makes no model here")


JUNK = (None, [], "x", {"tuple": []}, {"tuple": [1, 2]}, {"float": "nan"})
SPOILERS = (
    lambda a: a[:-1],
    lambda a: a[:0],
    lambda a: np.concatenate([a, a]),
    lambda a: a[..., None],
    lambda a: a.astype(np.float16) * np.nan,
    lambda a: a + np.array(10**6).astype(a.dtype),
)
# Other numbers, of the same shape, are another model.
HARMLESS = ("support_vectors_", "_dual_coef_", "_intercept_", "_probA", "_fit_X")
NEEDED = {
    "RandomForestClassifier": ["estimators_", "n_classes_", "n_outputs_", "classes_"],
    "GradientBoostingClassifier": [
        *("estimators_", "n_classes_", "n_trees_per_iteration_", "n_estimators_"),
        *("classes_", "n_features_in_"),
    ],
    "DecisionTreeClassifier": [
        *("tree_", "n_classes_", "n_outputs_", "classes_", "n_features_in_"),
    ],
    "SVC": [
        *("support_", "support_vectors_", "_n_support", "_dual_coef_", "_intercept_"),
        *("_probA", "_gamma", "shape_fit_", "_sparse", "n_features_in_"),
    ],
    "KNeighborsClassifier": [
        *("_fit_X", "_y", "n_samples_fit_", "_fit_method", "effective_metric_"),
        *("effective_metric_params_", "n_features_in_"),
    ],
}


def _with_array(model, holder, attribute, change):
    structure, tensors = parts_of(model)
    name = array_of(tensors, state_of(structure, holder)[attribute])
    if attribute == "classes_":
        tensors[name] = tensors[name][::-1].copy()
    else:
        with np.errstate(all="ignore"):
            tensors[name] = change(tensors[name])
    return structure, tensors


def test_parts_of_other_classes_are_refused(file):
    """A part that is on the list, but not one that belongs in this place."""
    others = [
        {"object": ["sklearn.preprocessing.StandardScaler", {}]},
        {"object": ["sklearn.pipeline.Pipeline", {"steps": []}]},
        {"object": ["sklearn.model_selection.KFold", {}]},
        {"object": ["skomics._blocks.BlockLayout", {}]},
        {"function": "numpy.log1p"},
        {"type": "numpy.float64"},
    ]
    places = [
        ("net", "EFNNClassifier", "_layout"),
        ("net", "EFNNClassifier", "_net_state"),
        ("net", "OmicsConcatenator", "_layout"),
        ("graph", "MoGCNClassifier", "graph_"),
        ("graph", "MoGCNClassifier", "_training_data"),
        ("forest", "RandomForestClassifier", "estimators_"),
        ("tree", "DecisionTreeClassifier", "tree_"),
        ("svm", "SVC", "support_vectors_"),
    ]
    variants = []
    for model, holder, attribute in places:
        for other in others:
            structure, tensors = parts_of(model)
            listed = [other] if attribute == "estimators_" else other
            state_of(structure, holder)[attribute] = listed
            variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


def test_boosting_that_writes_beyond_its_first_guess_is_refused(file):
    variants = []
    priors = [[1.0], [0.5, 0.5], [0.25] * 4, [], [[0.3, 0.3, 0.4]] * 3]
    for prior in priors:
        for n_classes in (1, 2, 3, 4, 5, 10**6):
            structure, tensors = parts_of("boosting")
            state = state_of(structure, "DummyClassifier")
            tensors["prior"] = np.array(prior)
            tensors["classes"] = np.arange(min(n_classes, 10))
            state["class_prior_"] = {"array": ["prior", False]}
            state["classes_"] = {"array": ["classes", False]}
            state["n_classes_"] = n_classes
            variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


@pytest.mark.parametrize("n_classes", [1, 2, 4])
def test_first_guess_for_other_classes_is_refused_before_it_is_used(n_classes, file):
    structure, tensors = parts_of("boosting")
    state = state_of(structure, "DummyClassifier")
    tensors["prior"] = np.full(n_classes, 1 / n_classes)
    tensors["classes"] = np.arange(n_classes)
    state["class_prior_"] = {"array": ["prior", False]}
    state["classes_"] = {"array": ["classes", False]}
    state["n_classes_"] = n_classes
    forge(file, structure, tensors)
    assert_refused(file, match="init_ gives a first guess for other classes")


def test_encoders_that_write_beyond_their_columns_are_refused(file):
    variants = []
    for name in ("_drop_idx_after_grouping", "drop_idx_"):
        for value in (3, -1, 10**6, 2**40, 1.5, "0", True, [], {"tuple": []}):
            structure, tensors = parts_of("onehot")
            items = {"objects": [[1], [value]]}
            state_of(structure, "OneHotEncoder")[name] = items
            variants.append((structure, tensors))
        for value in JUNK[1:]:
            structure, tensors = parts_of("onehot")
            state_of(structure, "OneHotEncoder")[name] = value
            variants.append((structure, tensors))
    for value in JUNK:
        structure, tensors = parts_of("onehot")
        state_of(structure, "OneHotEncoder")["categories_"] = value
        variants.append((structure, tensors))
    for value in (1, 3, 0, -1, 10**9, "2", None, True, 1.5):
        structure, tensors = parts_of("onehot")
        state_of(structure, "OneHotEncoder")["_n_features_outs"] = [value]
        variants.append((structure, tensors))
    nan = np.nan
    for wrong in ([3, 1, 2], [1, 1, 2], [nan, 1, 2], [1, nan, nan], [3, 2, 1]):
        structure, tensors = parts_of("onehot")
        tensors["numbers"] = np.array(wrong, dtype=float)
        node = {"array": ["numbers", False]}
        state_of(structure, "OneHotEncoder")["categories_"] = [node]
        variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


# Models that are not whole


def test_parameters_are_validated(file):
    wrong = {
        ("linear", "LogisticRegression"): {
            "C": (-1, 0, "1", None, [], {"float": "nan"}),
            "solver": ("os.system", None, 3, ""),
            "max_iter": (-1, 1.5, "9"),
            "tol": (-1, None, "x"),
            "random_state": ("x", -1, 1.5),
        },
        ("svm", "SVC"): {
            "kernel": ("evil", None, 3, []),
            "degree": (-1, 1.5, None),
            "gamma": (-1, "x", []),
        },
        ("net", "EFNNClassifier"): {
            "max_epochs": (0, -1, 1.5, None),
            "dropout": (1.0, -1, "x"),
            "optimizer": ("lbfgs", None),
            "hidden_layer_sizes": ("x", None, 3.5),
        },
        ("net", "OmicsConcatenator"): {"missing_omics": ("x", None, 3)},
    }
    variants = []
    for (model, holder), parameters in wrong.items():
        for name, values in parameters.items():
            for value in values:
                structure, tensors = parts_of(model)
                state_of(structure, holder)[name] = value
                variants.append((structure, tensors))
    refuse_all(file, variants, match="parameter of .* must be")


def test_models_that_are_not_whole_are_refused(file):
    variants = []
    for model, holder, attributes in (
        ("linear", "LogisticRegression", ["coef_", "intercept_", "classes_"]),
        (
            "net",
            "EFNNClassifier",
            ["classes_", "feature_names_in_", "_layout", "omics_"],
        ),
        (
            *("net", "OmicsConcatenator"),
            ["_names_out", "_features_in", "block_sizes_", "block_slices_", "omics_"],
        ),
        ("graph", "SampleGraph", ["_references", "_center", "adjacency_", "graph_"]),
        ("graph", "GraphData", ["blocks", "graphs", "codes"]),
    ):
        for attribute in attributes:
            node = state_of(parts_of(model)[0], holder)[attribute]
            if isinstance(node, dict) and "array" in node:
                variants += [
                    _with_array(model, holder, attribute, c) for c in SPOILERS[:-1]
                ]
            for value in JUNK[1:]:
                structure, tensors = parts_of(model)
                state_of(structure, holder)[attribute] = value
                variants.append((structure, tensors))
    refuse_all(file, variants, match="makes no model here")


@pytest.mark.parametrize(
    "classes",
    [
        ["b", "a", "c"],
        ["a", "a", "b"],
        ["a", "b"],
        ["a"],
        [],
        list("abcd"),
        [1, "a", 2],
    ],
)
def test_classes_that_are_none_are_refused(classes, file):
    for name, holder in (("linear", "LogisticRegression"), ("net", "EFNNClassifier")):
        structure, tensors = parts_of(name)
        node = {"objects": [[len(classes)], classes]}
        state_of(structure, holder)["classes_"] = node
        forge(file, structure, tensors)
        assert_refused(file, match="makes no model here")


def test_model_that_is_not_fitted_is_refused(file):
    forge(file, {"object": ["sklearn.linear_model.LogisticRegression", {}]}, {})
    assert_refused(file, match="holds a model that is not fitted")
    forge(file, {"object": ["skomics.EFNNClassifier", {}]}, {})
    assert_refused(file, match="holds a model that is not fitted")
