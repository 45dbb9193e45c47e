"""The dashboard: a folder of runs in a browser, live. It needs the extra `dashboard` (starlette and uvicorn)."""
