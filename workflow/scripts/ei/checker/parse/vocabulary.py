"""The closed lists of words with a meaning: whatever is on none of them makes an answer unreadable.

Names of units are in `units.py`, names of numbers in `numerals.py`.
"""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


# Functions, by their plain names and LaTeX commands; the value is the name in the tree.
FUNCTIONS = {
    **{name: name for name in words("sin cos tan cot sec csc sinh cosh tanh coth ln exp")},
    **{f"arc{name}": f"arc{name}" for name in words("sin cos tan cot sec csc")},
    **{f"a{name}": f"arc{name}" for name in ["sin", "cos", "tan"]},
    **{name: name for name in words("log max min gcd lcm floor ceil abs arg sgn det")},
    "lg": "lg", "tg": "tan", "ctg": "cot", "Arctan": "arctan", "Arcsin": "arcsin",
    "Arccos": "arccos", "sqrt": "sqrt", "cbrt": "cbrt", "fourthroot": "fourthroot",
    "sign": "sgn", "Re": "re", "Im": "im", "binom": "binom", "nCr": "binom", "nPr": "perm",
    "cis": "cis", "ceiling": "ceil", "pow": "pow",
}  # fmt: skip
CONSTANTS = {"pi": "pi", "infty": "oo", "inf": "oo", "infinity": "oo", "oo": "oo", "Infinity": "oo"}
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi"
    " rho varrho sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma"
    " Upsilon Phi Psi Omega ell hbar nabla"
)
SAME_GREEK = {"varphi": "phi", "varepsilon": "epsilon", "vartheta": "theta", "varrho": "rho"}
ACCENTS = words(
    "hat vec bar overline widehat dot tilde widetilde overrightarrow overleftrightarrow"
    " underline ddot wideparen overarc"
)
GEOMETRY = words("angle triangle measuredangle square odot parallelogram overarc arc")
JOINERS = {"and": "and", "or": "or", "vee": "or", "lor": "or", "wedge": "and", "land": "and"}
# A statement that holds one of these is not read: it denies, doubts or restricts.
DENIALS = words(
    "not no never none nothing nobody cannot cant wont isnt arent wasnt doesnt didnt without"
    " impossible false wrong incorrect mistake mistaken doubt unless except but however"
    " although though either neither nor maybe perhaps possibly probably likely unlikely guess"
    " suppose assume assuming let if whether instead rather alternatively wait actually oops"
    " correction unclear unknown uncertain unsure undefined invalid contradiction or anything"
    " nowhere hardly false untrue fail fails failed refuse disagree hmm sorry hard"
)
HEDGES = words(
    "about around approximately approx roughly nearly almost least most more less fewer"
    " greater than below above under over between up down to from until before after beyond"
    " within exceed exceeds another different other others same either neither else etc ish"
    " counting many multiple"
)
CONNECTIVES = words(
    "so thus therefore hence then consequently finally accordingly altogether overall now"
    " clearly indeed ergo total rightarrow implies therefore"
)
CONNECTIVE_PHRASES = (
    "in total", "in all", "as a result", "in conclusion", "we get", "we have", "we find",
    "we obtain", "this gives", "this yields", "it follows that", "this means", "that gives",
    "that is", "i get", "i got", "which gives", "which is", "we see that", "we conclude that",
    "this means that", "we find that", "we get that", "we have that", "we know that",
)  # fmt: skip
EXPLAINERS = words("because since as")  # what follows explains, and may hold figures
CLAUSES = words("so which thus hence therefore")  # what follows goes on, and may hold no figures
HEADINGS = words("check explanation reason reasoning note proof verification verify because since")
MARKERS = words("answer answers result solution solutions ans")
BE = words("is are was were equals equal becomes")
PHRASAL_VERBS = (
    "is equal to", "are equal to", "is given by", "must be", "will be", "would be", "should be",
    "must equal", "turns out to be", "comes out to be", "comes to", "comes out to", "amounts to",
    "adds up to", "evaluates to", "simplifies to", "is simply", "is just", "is exactly", "is thus",
    "is therefore", "is then", "is also", "is/are", "is now", "is indeed", "are given by",
    "is found to be", "must therefore be", "is the number", "is the value", "works out to",
    "is indeed equal to", "reduces to", "is option", "is choice", "is always", "increases by",
    "decreases by",
)  # fmt: skip
PRONOUNS = words("he she it they we you i there one")
HAVING = words(
    "has have had made makes make earned earns earn paid pays pay spent spends spend needs need"
    " needed gets get got bought buys sold sells sell saved saves save ate eats eat used uses use"
    " took takes take gave gives give found finds find received receives collected collects owns"
    " is are was were obtain obtains obtained weighs costs contains holds"
)
SUBJECTS = words(
    "the a an this that these those our my your his her its their each every s"
    " final correct required desired resulting overall maximum minimum greatest largest smallest"
    " highest lowest longest shortest average mean median mode expected possible distinct common"
    " positive real integer whole simplified simplest exact numerical remaining combined interior"
    " exterior shaded gray grey larger smaller absolute new different best right"
    " answer answers result solution solutions value values total sum difference product quotient"
    " remainder ratio number numbers amount count area perimeter volume length lengths width height"
    " radius diameter circumference side sides base angle angles degree degrees measure measures"
    " distance speed rate time age price cost profit revenue income salary weight mass probability"
    " percentage percent fraction slope intercept coordinate coordinates point vertex center"
    " equation expression function polynomial term coefficient root roots zero zeros digit digits"
    " range domain variance deviation score student people way pair set rectangle square triangle"
    " circle cube sphere cone cylinder pyramid polygon hexagon pentagon octagon region figure shape"
    " sector edge face surface diagonal midpoint hypotenuse leg altitude sequence series limit"
    " derivative integral matrix determinant vector option choice letter form change money bill"
    " temperature week day month year hour minute unit gain loss discount tax interest balance"
    " of in for to on with that which when where and by at per all both two three four"
    " drawn white black red blue green thinking using over game test class school room box bag"
    " x y z n k m buy get make find given person child man woman car train line segment container"
    " package ball is are was were most least simplifying solving evaluating"
    " computing so thus therefore hence following statement"
    " problem question exercise identity ordered system could error measurement position"
    " smaller calculation computation then now have we"
)
ADVERBS = words(
    "exactly precisely simply just thus therefore indeed only then also now equal to the number"
    " value a total of clearly"
)
NEUTRAL = words(
    "total altogether in all overall only exactly here answer respectively each now left remaining"
    " remain needed required together them possible different distinct such the a an of is are"
    " there"
    " whole same that these for number way ways long tall wide high deep old each solution"
    " solutions final correct"
)
QUALIFIERS = words(
    "for all any every each some real reals positive negative nonnegative nonzero non integer"
    " integers number numbers value values constant constants natural complex rational whole prime"
    " of where is are a an the and with in arbitrary odd even"
)
QUALIFIER_STARTS = words("for where with any")
NO_SOLUTION = (
    "no solution", "no solutions", "no solutions exist", "no solution exists", "empty set",
    "the empty set", "no roots", "no real solution", "no real solutions", "none",
    "there is no solution", "there are no solutions", "no real roots",
)  # fmt: skip
ALL_REALS = (
    "all real numbers", "all reals", "real numbers", "any real number", "all real values",
    "the set of all real numbers", "every real number", "all real x", "all real number",
)  # fmt: skip
MISSING = ("dne", "does not exist", "undefined", "the limit does not exist")
