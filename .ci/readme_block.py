"""Print the fenced block that follows `<!-- ci: NAME -->` in a Markdown file.

So that CI runs the very commands that the README tells its readers to type:
`python3 readme_block.py README.md test`.
"""

import re
import sys
from pathlib import Path


def block(markdown: str, name: str) -> str:
    """The text between the fences; exits with a sentence unless there is exactly one."""
    pattern = rf"^<!-- ci: {re.escape(name)} -->\n+```\w*\n(.*?)^```$"
    found = re.findall(pattern, markdown, flags=re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        sys.exit(f"expected one fenced block after '<!-- ci: {name} -->', found {len(found)}")
    return str(found[0]).strip()


if __name__ == "__main__":
    path, name = sys.argv[1:]
    print(block(Path(path).read_text(encoding="utf-8"), name))
