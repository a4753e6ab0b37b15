"""Room 2: the sqlglot dialect of Spark SQL in which a function call stays what its author wrote.

Takes SQL text, gives sqlglot trees. sqlglot's own Spark dialect renames and rewrites functions for transpiling; here
every call is `exp.Anonymous` with the written name, and only what has a syntax of its own is a node of its own.
"""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser
from sqlglot.tokenizer_core import Token, TokenType

from headrace.sql.grammar.identifiers import with_names
from headrace.sql.grammar.intervals import Intervals
from headrace.sql.grammar.pivots import Pivots
from headrace.sql.grammar.recursions import Recursions
from headrace.sql.grammar.samples import Samples
from headrace.sql.grammar.variant_path import VariantPaths

_ENDS_TYPE = (TokenType.R_PAREN, TokenType.COMMA)
_DEPTH = {
    TokenType.L_PAREN: 1,
    TokenType.LT: 1,
    TokenType.R_PAREN: -1,
    TokenType.GT: -1,
    TokenType.DAMP: -3,
}
"""How deep in brackets a token leads inside a type; DAMP is >>>."""


_BEFORE_QUERY = (
    *(TokenType.L_PAREN, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT),
    *(TokenType.ALL, TokenType.DISTINCT, TokenType.SEMICOLON),
)
"""What a query may stand behind."""
_UNITS = {
    *("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DAYOFYEAR"),
    *("HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"),
}
"""What timestampadd and timestampdiff count, as keywords."""


class UnsignedShift(exp.Expression, exp.Binary):
    """``a >>> b``, which sqlglot has no node for."""


class UnaryPlus(exp.Unary):
    """``+ a``, which casts a text to a number; sqlglot leaves it out."""


class SparkSqlParser(Intervals, Pivots, Recursions, Samples, VariantPaths):
    """Spark's grammar with an empty function table."""

    UNARY_PARSERS = {  # noqa: RUF012 - as below
        **SparkParser.UNARY_PARSERS,
        TokenType.PLUS: lambda self: self._parse_plus(),
    }
    ARRAY_CONSTRUCTORS = {}  # noqa: RUF012 - array(1, 2)[0] is an element, not an array
    BITWISE = {**SparkParser.BITWISE, TokenType.DAMP: UnsignedShift}  # noqa: RUF012 - as below

    FUNCTIONS = {}  # noqa: RUF012 - sqlglot's way to configure a parser
    FUNCTION_PARSERS = {  # noqa: RUF012 - as above
        "CAST": lambda self: self._parse_cast(True),
        "TRY_CAST": lambda self: self._parse_cast(False),
        "EXTRACT": lambda self: self._plain_call("extract") if self._is_plain(1) else self._parse_extract(),
        "OVERLAY": lambda self: self._parse_worded("overlay", "PLACING", "FROM", "FOR"),
        "POSITION": lambda self: self._parse_needle(),
        "SUBSTR": lambda self: self._parse_worded("substr", "FROM", "FOR"),
        "SUBSTRING": lambda self: self._parse_worded("substring", "FROM", "FOR"),
        "TRIM": lambda self: self._parse_trimmed(),
        "TIMESTAMPADD": lambda self: self._parse_counting("timestampadd", "timestampadd"),
        "DATEADD": lambda self: self._parse_counting("dateadd", "timestampadd"),
        "DATE_ADD": lambda self: self._parse_counting("date_add", "timestampadd"),
        "TIMESTAMPDIFF": lambda self: self._parse_counting("timestampdiff", "timestampdiff"),
        "TIMEDIFF": lambda self: self._parse_counting("timediff", "timestampdiff"),
        "DATEDIFF": lambda self: self._parse_counting("datediff", "timestampdiff"),
        "DATE_DIFF": lambda self: self._parse_counting("date_diff", "timestampdiff"),
    }
    NO_PAREN_FUNCTION_PARSERS = {  # noqa: RUF012 - as above
        "CASE": SparkParser.NO_PAREN_FUNCTION_PARSERS["CASE"],
    }
    PIPE_SYNTAX_TRANSFORM_PARSERS = {  # noqa: RUF012 - as above
        **SparkParser.PIPE_SYNTAX_TRANSFORM_PARSERS,
        "WHERE": lambda self, query: SparkParser.PIPE_SYNTAX_TRANSFORM_PARSERS["WHERE"](self, self._piped(query)),
        "AGGREGATE": lambda self, query: self._parse_pipe_syntax_aggregate(self._piped(query)),
        "PIVOT": lambda self, query: self._parse_pipe_syntax_pivot(self._piped(query, takes_where=False)),
        "UNPIVOT": lambda self, query: self._parse_pipe_syntax_pivot(self._piped(query, takes_where=False)),
    }
    STRICT_CAST = True  # a::INT is CAST, never TRY_CAST

    def _parse_cast(self, strict: bool, safe: bool | None = None) -> exp.Expr:  # noqa: ARG002 - sqlglot's signature
        start = self._index
        this = self._parse_assignment()
        if this is None or not self._match(TokenType.ALIAS):
            self._retreat(start)
            return self._plain_call("cast" if strict else "try_cast")
        return (exp.Cast if strict else exp.TryCast)(this=this, to=self._parse_written_type())

    def _parse_written_type(self) -> exp.DataType:
        """Read a type up to the end of its CAST, as its text: which types there are is said elsewhere."""
        first, depth = self._curr, 0
        while self._curr and (depth > 0 or self._curr.token_type not in _ENDS_TYPE):
            depth += _DEPTH.get(self._curr.token_type, 0)
            self._advance()
        if self._curr is first or not self._curr:
            self.raise_error("Expected a type after AS")
        return self._type_between(first, self._prev)

    def _type_between(self, first: Token, last: Token) -> exp.DataType:
        return exp.DataType(this=exp.DType.USERDEFINED, kind=self.sql[first.start : last.end + 1])

    def _parse_dcolon(self) -> exp.Expr | None:
        first = self._curr
        if self._parse_types() is None:
            self._match_set((TokenType.VAR, TokenType.IDENTIFIER))
        return None if self._curr is first else self._type_between(first, self._prev)

    def _parse_pipe_syntax_query(self, query: exp.Query) -> exp.Query | None:
        opens = self._curr and self._curr.token_type == TokenType.PIPE_GT
        return super()._parse_pipe_syntax_query(self._piped(query) if opens else query)

    def _piped(self, query: exp.Query, *, takes_where: bool = True) -> exp.Query:
        """Return what a pipe goes on from: the rows of all before it, into whose clauses sqlglot would put the next."""
        if not isinstance(query, exp.Select):
            return query
        given = {name for name, value in query.args.items() if value} - {"from_", "joins", "where", "with_", "kind"}
        whole = given == {"expressions"} and len(query.expressions) == 1 and isinstance(query.expressions[0], exp.Star)
        filtered = query.args.get("where") or query.args.get("joins")
        if (whole and (takes_where or not filtered)) or not query.args.get("from_"):
            return query
        made = self._build_pipe_cte(query=query, expressions=[exp.Star()])
        source = query.args["from_"].this.alias_or_name
        if source and not query.args.get("joins"):  # the columns are still known by the relation's name
            made.args["from_"].this.set("alias", exp.TableAlias(this=exp.to_identifier(source, quoted=True)))
        return made

    def _parse_plus(self) -> exp.Expr | None:
        this = self._parse_unary()
        number = this is None or (isinstance(this, exp.Literal) and not this.is_string)
        return this if number else UnaryPlus(this=this)

    def _plain_call(self, name: str) -> exp.Anonymous:
        return exp.Anonymous(this=name, expressions=self._parse_csv(self._parse_lambda))

    def _is_plain(self, most: int = 0) -> bool:
        """Return True when the call closes after so many tokens at most, and so has no words of its own."""
        return TokenType.R_PAREN in [token.token_type for token in (self._curr, self._next)[: most + 1] if token]

    def _parse_needle(self) -> exp.Anonymous:
        # POSITION(a IN b) has IN between; position(a, b[, start]) is a plain call.
        if self._is_plain():
            return self._plain_call("position")
        args = [self._parse_bitwise()]
        while self._match(TokenType.IN) or self._match(TokenType.COMMA):
            args.append(self._parse_bitwise())
        return exp.Anonymous(this="position", expressions=args)

    def _parse_worded(self, name: str, *words: str) -> exp.Anonymous:
        """Read arguments with words between them, or commas: substring(a FROM b FOR c), substring(a, b, c)."""
        args = self._parse_csv(self._parse_lambda)
        worded = [self._parse_bitwise() for word in words if self._match_text_seq(word)]
        return exp.Anonymous(this=name, expressions=[*args, *(arg for arg in worded if arg is not None)])

    def _parse_counting(self, name: str, counting: str) -> exp.Anonymous:
        """Read a call that counts units when it has three arguments, the first a unit; it is a plain one else."""
        args = self._parse_csv(self._parse_lambda)
        first = args[0] if len(args) == 3 else None
        if isinstance(first, exp.Column) and first.sql().upper() in _UNITS:
            args[0] = exp.Literal.string(first.name.upper())
            return exp.Anonymous(this=counting, expressions=args)
        if isinstance(first, exp.Literal) and first.is_string:
            # A unit in quotes is none; with them it is refused as one.
            args[0] = exp.Literal.string(f"'{first.name}'")
            return exp.Anonymous(this=counting, expressions=args)
        return exp.Anonymous(this=name, expressions=args)

    def _parse_cube_or_rollup(self, with_prefix: bool = False) -> exp.Cube | exp.Rollup | None:
        """Read ROLLUP (a, b IS NULL): whole conditions may be grouped by, where sqlglot reads sums at most."""
        kind = exp.Cube if self._match(TokenType.CUBE) else exp.Rollup if self._match(TokenType.ROLLUP) else None
        if kind is None:
            return None
        return kind(expressions=[] if with_prefix else self._parse_wrapped_csv(self._parse_disjunction))

    def _parse_grouping_set(self) -> exp.Expr | None:
        return self._parse_grouping_sets() or self._parse_cube_or_rollup() or self._parse_disjunction()

    def _parse_trimmed(self) -> exp.Expr:
        if self._is_plain():
            return self._plain_call("trim")
        node = self._parse_trim()
        if node.args.get("position") or node.args.get("expression"):
            return node
        return exp.Anonymous(this="trim", expressions=[node.this])


class SparkSql(Spark):
    """Spark SQL for headrace: see the module."""

    Parser = SparkSqlParser

    def tokenize(self, sql: str, dialect: object = None) -> list[Token]:  # noqa: ARG002 - sqlglot's signature
        """Return the tokens: 1L as one number, and WINDOW, CUBE and ROLLUP as names where they open nothing."""
        tokens = with_names(super().tokenize(sql))
        found: list[Token] = []
        place = 0
        while place < len(tokens):
            token = tokens[place]
            following = tokens[place + 1] if place + 1 < len(tokens) else None
            if token.token_type == TokenType.NUMBER and _is_suffix(token, following):
                found.append(_retyped(token, TokenType.NUMBER, token.text + tokens[place + 2].text))
                place += 3
                continue
            if found and _doubles_quote(found[-1], token, sql):
                last = found.pop()
                text = last.text + sql[token.start] + token.text
                found.append(Token(last.token_type, text, last.line, token.col, last.start, token.end))
                place += 1
                continue
            if _is_unsigned_shift(tokens, place):
                found.append(Token(TokenType.DAMP, ">>>", token.line, token.col, token.start, tokens[place + 2].end))
                place += 3
                continue
            if _is_spaced_bytes(token, following):
                found.append(_retyped(token, TokenType.HEX_STRING, tokens[place + 1].text))
                place += 2
                continue
            if _is_table_query(found, token, following):
                for kind, text in ((TokenType.SELECT, "SELECT"), (TokenType.STAR, "*"), (TokenType.FROM, "FROM")):
                    found.append(_retyped(token, kind, text))
                place += 1
                continue
            if _is_name(tokens, place):
                token = _retyped(token, TokenType.VAR, token.text)
            found.append(token)
            place += 1
        return found


def _is_suffix(number: Token, following: Token | None) -> bool:
    # The tokenizer writes 1L as 1 :: BIGINT with all three at the place of the number.
    return following is not None and following.token_type == TokenType.DCOLON and following.start == number.start


def _doubles_quote(last: Token, token: Token, sql: str) -> bool:
    """Return True where two texts touch, as in 'it''s': the quotes between them are one of the text."""
    texts = last.token_type == token.token_type == TokenType.STRING
    return texts and token.start == last.end + 1 and sql[token.start] == sql[last.end]


def _is_unsigned_shift(tokens: list[Token], place: int) -> bool:
    three = tokens[place : place + 3]
    together = [token.start - three[0].start for token in three] == [0, 1, 2]
    return together and all(token.token_type == TokenType.GT for token in three)


def _is_spaced_bytes(token: Token, following: Token | None) -> bool:
    """Return True for X '1F', with a blank between."""
    named = token.token_type == TokenType.VAR and token.text.upper() == "X"
    return named and following is not None and following.token_type == TokenType.STRING


def _is_table_query(before: list[Token], token: Token, following: Token | None) -> bool:
    """Return True for the TABLE of ``TABLE t``, which is SELECT * FROM t."""
    begins = token.token_type == TokenType.TABLE and (not before or before[-1].token_type in _BEFORE_QUERY)
    return begins and following is not None and following.token_type in (TokenType.VAR, TokenType.IDENTIFIER)


def _is_name(tokens: list[Token], place: int) -> bool:
    """Return True for a word that is a clause in other places and a plain name here, as in GROUP BY cube."""
    kind = tokens[place].token_type
    if kind in (TokenType.CUBE, TokenType.ROLLUP):
        after_with = place > 0 and tokens[place - 1].token_type == TokenType.WITH
        return not after_with and not any(
            after.token_type == TokenType.L_PAREN for after in tokens[place + 1 : place + 2]
        )
    return kind == TokenType.WINDOW and not _opens_clause(tokens, place)


def _opens_clause(tokens: list[Token], place: int) -> bool:
    """Return True for WINDOW name AS (...), the only place where WINDOW is no name."""
    ahead = tokens[place + 1 : place + 4]
    return len(ahead) == 3 and ahead[1].token_type == TokenType.ALIAS and ahead[2].token_type == TokenType.L_PAREN


def _retyped(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end, token.comments)
