"""The residents' pages: report, follow, see what is published. Server-rendered, no account, no
cookie, and nothing that needs JavaScript."""
