"""Weight files: which there are, where from, and that they are what they should be.

Files:

- `entry`: one entry of the manifest
- `manifest`: `weights_manifest.json`, and the folders of weights
- `networks`: the network of an entry
- `download`: one file over HTTP, resumed
- `fetch`: brings files into a folder
- `add`: enters a file into a manifest
- `load`: found, verified, chosen, loaded
"""
