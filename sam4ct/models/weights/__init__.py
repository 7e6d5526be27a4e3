"""Weight files: the manifest, downloads, checks, and networks with their weights.

In: `weights_manifest.json` and a name. Out: a verified file, or a network.

- `entry`: one entry of the manifest
- `manifest`: `weights_manifest.json`, and the folders that hold weights
- `download`: one file over HTTP, resumed
- `fetch`: bring files into a folder
- `add`: enter a file into a manifest
- `verify`: find files, compare them with the manifest, choose those of a run
- `load`: a file into its network
- `networks`: build the network of an entry
"""
