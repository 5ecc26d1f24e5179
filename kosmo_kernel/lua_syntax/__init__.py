"""Read Lua source without running it.

nodes.py    the nodes of a syntax tree, and the bindings of names
parser.py   the tokens and the syntax tree of a text, complete or being typed, and what the grammar allows at its end
facts.py    key order, assigned fields, variables set, comparisons, the indentation of the next line, and mistakes that
            Lua does not report

Everything is Python, linear in the length of the text, and can be interrupted, because it runs in the process that
holds tokens. tree-sitter was tried instead for complete scripts: its results are the same, but it cannot be
interrupted, and it takes some text for unbalanced that Lua's compiler accepts. A string of 40 KB with a carriage return
kept it busy for 23 seconds. In the reader it would add 0.16 seconds to the first script with a table of its own.
"""
