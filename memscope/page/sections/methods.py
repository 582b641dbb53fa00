"""Methods: the formulas of what the page shows, and where they come from. docs/science.md has all of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from memscope.page.data import PageData
from memscope.page.html import Html, joined, lines_of, link, paragraph, tag, text
from memscope.page.section import Section


@dataclass(frozen=True)
class Reference:
    """A paper that a quantity is from."""

    authors: str
    title: str
    arxiv: str

    def html(self) -> Html:
        return joined(
            [
                text(f"{self.authors}. {self.title}{'' if self.title.endswith('?') else '.'}"),
                link(f"https://arxiv.org/abs/{self.arxiv}", f"arXiv {self.arxiv}"),
            ],
            " ",
        )


FELDMAN = Reference("Feldman 2020", "Does learning require memorization? A short tale about a long tail", "1906.05271")
FELDMAN_ZHANG = Reference(
    "Feldman & Zhang 2020",
    "What neural networks memorize and why: discovering the long tail via influence estimation",
    "2008.03703",
)
LUKASIK = Reference("Lukasik et al. 2023", "What do larger image classifiers memorise?", "2310.05337")
YANG = Reference("Yang et al. 2023", "ResMem: learn what you can and memorize the rest", "2302.01576")
HINTON = Reference("Hinton, Vinyals & Dean 2015", "Distilling the knowledge in a neural network", "1503.02531")
BEHRENS = Reference("Behrens & Zdeborova 2025", "On the leakage of labels through soft targets", "2506.14457")
NEEDELL = Reference(
    "Needell & Bainbridge 2022",
    "Embracing new techniques in deep learning for estimating image memorability",
    "2105.10598",
)
CARLINI = Reference("Carlini et al. 2022", "Membership inference attacks from first principles", "2112.03570")
ZARIFZADEH = Reference("Zarifzadeh et al. 2024", "Low-cost high-power membership inference attacks", "2312.03262")


@dataclass(frozen=True)
class Method:
    """How one kind of result is computed."""

    results: str
    """The command whose results it explains"""
    title: str
    words: tuple[str, ...]
    formula: str
    references: tuple[Reference, ...]
    also: str = ""
    """Other results that it explains"""

    def html(self) -> Html:
        words = [paragraph(told) for told in self.words]
        sources = [paragraph("Source: " + "; ".join(each.authors for each in self.references) + ".")]
        return joined([tag("h3", text(self.title)), tag("pre", lines_of(self.formula), tabindex=0), *words, *sources])


METHODS = (
    Method(
        "score",
        "Memorisation scores",
        (
            "Models come in blocks, each on a random subset of the training images; in every block each image is in "
            "the same number of subsets. The score of an image is a difference of shares of these models. It is that "
            "of subsets of this size, data and recipe, not of the full set, and is undefined where no model saw the "
            "image, or all did.",
            "Intervals of single scores are Newcombe's (method 10), with the wider of Wilson's and Jeffreys' limits "
            "for each share. Errors of means, shares and areas leave out blocks of models (the jackknife): errors of "
            "different images come from the same models, and do not average out. An image is clearly memorised where "
            "its 95 % interval lies above 0; beside their number stands how many would be if every image had the same "
            "accuracy with and without it.",
            "The population estimate is empirical Bayes: a mixture of normals fitted to all images and sizes. It "
            "stands beside the raw score and never instead of it.",
            "A label is disputed where models trained without the image most often see another class.",
        ),
        "score(i) = P[h(x_i) = y_i, h trained with i] - P[h(x_i) = y_i, h trained without i]\n"
        "standard error^2 = p_in (1 - p_in) / (n_in - 1) + p_out (1 - p_out) / (n_out - 1)",
        (FELDMAN, FELDMAN_ZHANG),
    ),
    Method(
        "trajectories",
        "Types of trajectory",
        (
            "The rule for the types is ours; the paper's is not known to us. A type is called where it has enough of "
            "400 draws of every accuracy from its posterior; else it is undetermined. If all were flat: every image "
            "keeps the accuracies that it has over all sizes together, counts are drawn anew and classified. Only what "
            "exceeds that is change.",
            "Mean scores by type are taken on other blocks of models than those that named the type. The fitted "
            "population leads only where half of the models foretell what the other half measured, and little hangs on "
            "the threshold.",
        ),
        "rise = max over i < j of m_j - m_i,   fall = max over i < j of m_i - m_j\n"
        "constant: both < epsilon;  increasing: rise >= epsilon > fall;  decreasing: fall >= epsilon > rise;\n"
        "both >= epsilon: cap-shaped if the interior maximum exceeds both ends by epsilon, u-shaped if the interior\n"
        "minimum is below both ends by epsilon, irregular otherwise or if both hold",
        (LUKASIK,),
    ),
    Method(
        "influence",
        "Influence",
        (
            "Blocks of models have one of three parts, so that no choice is told by the models that made it: some say "
            "which training images are memorised, some choose the pairs of these with others and order them, some tell "
            "their influence. A pair is helpful where its influence in the choosing models reaches the threshold t, "
            "harmful where it is -t or less.",
            "By chance: with memberships permuted within blocks the count of models that were trained with i and are "
            "right on j is a sum over blocks of hypergeometric ones, and so the number of pairs without any influence "
            "is known exactly. By class: the same with the counts of each j tilted so that their mean is what the "
            "images of the class have on average. Pairs are listed only where the larger of the two is at most half of "
            "those found; sizes are compared by what exceeds the number by class. The spread of the number by chance "
            "is from permutations of the outcomes of whole models.",
            "Among training images only the models that were trained without the second image count.",
        ),
        "influence(i, j) = P[h(x_j) = y_j, h trained with i] - P[h(x_j) = y_j, h trained without i]\n"
        "by chance: the sum over j of (memorised i of the class of j) P[influence >= t | no influence on j]",
        (FELDMAN_ZHANG,),
        also="influence-training",
    ),
    Method(
        "resmem",
        "Residual memories (ResMem)",
        (
            "d is a distance between the features phi of the last layer but one. k, sigma and T are chosen on a block "
            "of models that has no part in what is reported, on training images outside their subsets. The form is "
            "ours after the paper; no public code is known to us. What a residual foretells: its rank correlation with "
            "the score at a larger size.",
        ),
        "r_i = onehot(y_i) - softmax(f(x_i) / T)\n"
        "w_i(x) proportional to exp(-d(phi(x), phi(x_i)) / sigma) over the k nearest, summing to 1\n"
        "prediction(x) = softmax(f(x) / T) + sum of w_i(x) r_i",
        (YANG,),
    ),
    Method(
        "distill",
        "Distillation",
        (
            "The teacher is the family's larger model trained on the same subset: one that saw the held-out images "
            "passes their labels on in its soft targets. A student has the start, batches and augmentation of the "
            "model of its size and number that was trained on the labels alone. That it scores lower is no statement "
            "about privacy.",
            "Noise alone: students and the others are given the accuracies pooled over both, and counts are drawn "
            "anew: an upper bound. Types come from other blocks of models than changes.",
        ),
        "loss = (1 - w) CE(y, student) + w T^2 KL(softmax(teacher / T) || softmax(student / T))",
        (HINTON, BEHRENS, LUKASIK),
    ),
    Method(
        "proxies",
        "Proxies",
        (
            "Proxy and score come from different blocks of models: on the same ones they would agree by construction. "
            "Intervals are over the score's blocks and the proxy's models together. At most: what noise in the score "
            "leaves of a perfect correlation. Slopes: each image's proxy and score by log size, correlated over "
            "images; level alone is the same of one number per image. The sources of the formulas stand in the table "
            "of proxies.",
        ),
        "across images: Spearman(proxy, score);   over sizes: Pearson(slope of the proxy, slope of the score)",
        (LUKASIK,),
    ),
    Method(
        "memorability",
        "What people remember",
        (
            "Memorability is how well people remember an image that they saw once; only its order is used. Intervals "
            "are over images and blocks of models together: groups of images, blocks, and single cells of both are "
            "left out in turn. Below four blocks they are over images alone. Flipped labels are no property of an "
            "image, and blur all of this.",
            "Called clear is what lies beyond its interval for all sizes together. Chance: 1.96 / sqrt(N - 1) on "
            "either side, for N images.",
        ),
        "over all images: Spearman(memorability, score)\n"
        "within classes: the sum over classes c of (n_c - 1) r_c, over that of n_c - 1;  r_c Spearman's within c\n"
        "by type: mean of (rank - 1/2) / n",
        (NEEDELL,),
    ),
    Method(
        "predictor",
        "What an image shows of its score",
        (
            "Each network is fitted to the scores by one half of the blocks of models, and held against those by the "
            "other half, on images that were held out: neither they nor a copy of them were fitted to. Intervals are "
            "over images, seeds and blocks of models, as far as there are enough of each. Class: the mean score of the "
            "image's class among those fitted to. At most: what noise in the score leaves of a perfect correlation.",
        ),
        "over held-out images: Spearman(network fitted to half of the models, score by the other half)",
        (NEEDELL,),
    ),
    Method(
        "convergence",
        "Fewer models",
        (
            "Sets of blocks of models that share none are scored alone, and their population is fitted to them alone. "
            "The raw scores of the models outside a set judge it: they are unbiased, and their noise, known from how "
            "their blocks differ, is taken out. Foretold: the root mean square of all models' standard errors, which "
            "falls with the square root of the number of models.",
        ),
        "squared error of m = mean of (m - m')^2 less the noise of m', over examples; m' of the other models",
        (),
    ),
    Method(
        "privacy",
        "Membership inference",
        (
            "phi is the log-odds of the label. A model is attacked with the models of other whole blocks as "
            "references; members are the examples that it was trained on, non-members the training examples held "
            "out of it. The densities of LiRA are of Student's t, their means and variances shrunk over examples. "
            "RMIA is the share of test images z, without copies in training, that a likelihood ratio leaves "
            "behind. The loss is phi itself.",
            "A threshold is chosen on the non-members of all other blocks, and a rate is told where ten of ten "
            "distinct examples are beyond it. Types of trajectories are from other blocks than those that are "
            "attacked. What these attacks do not find others may.",
        ),
        "LiRA(x) = log p(phi; models with x) - log p(phi; models without x)\n"
        "RMIA(x) = share of z with [p_model(x) / p(x)] / [p_model(z) / p(z)] >= 2",
        (CARLINI, ZARIFZADEH),
    ),
)


def shown(data: PageData) -> list[Method]:
    return [method for method in METHODS if method.results in data.reports or method.also in data.reports]


def cited(data: PageData) -> Sequence[Reference]:
    """The papers of what the page shows, each once."""
    return list(dict.fromkeys(each for method in shown(data) for each in method.references))


def section(data: PageData) -> Section:
    return Section(id="methods", title="Methods", lead=joined([method.html() for method in shown(data)]))
