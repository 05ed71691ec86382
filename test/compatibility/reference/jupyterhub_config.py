"""JupyterHub configured from the site of the corpus (site.ts, given as a JSON file by jupyterhub.ts)."""

import json
import os

from jupyterhub.auth import Authenticator

with open(os.environ["COMPATIBILITY_SITE"]) as file:
    site = json.load(file)


class SiteAuthenticator(Authenticator):
    """Passwords of the site; no other door."""

    async def authenticate(self, handler, data):
        name = self.normalize_username(data["username"])
        password = site["users"].get(name)
        return name if password is not None and password == data["password"] else None


c = get_config()  # noqa: F821
folder = site["folder"]

c.JupyterHub.authenticator_class = SiteAuthenticator
c.Authenticator.allowed_users = set(site["users"])
c.Authenticator.admin_users = set(site["admins"])

c.JupyterHub.bind_url = f"http://127.0.0.1:{site['publicPort']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{site['hubPort']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{site['proxyPort']}"
c.ConfigurableHTTPProxy.command = site["proxyCommand"]
c.ConfigurableHTTPProxy.pid_file = f"{folder}/proxy.pid"
c.JupyterHub.db_url = f"sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie-secret"
c.JupyterHub.cleanup_servers = True

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{folder}/homes/{{username}}"
c.Spawner.cmd = site["serverCommand"]
c.Spawner.environment = site["serverEnvironment"]
c.Spawner.http_timeout = 8
c.JupyterHub.allow_named_servers = True
c.JupyterHub.named_server_limit_per_user = site["namedServerLimit"]
# A start or a stop that waits for its gate is answered as pending after this many seconds.
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 3, "slow_stop_timeout": 1}

c.JupyterHub.load_groups = {
    name: {"users": group["users"], "properties": group["properties"]} for name, group in site["groups"].items()
}
c.JupyterHub.load_roles = site["roles"]
c.JupyterHub.services = site["services"]
