"""OpenStack Swift with its S3 API on loopback, in one process: s3-server.py DIRECTORY PORT SECRET. It prints `ready` when it listens."""
import sys

import eventlet

eventlet.patcher.monkey_patch()

import eventlet.wsgi
from swift.common import utils

directory, port, secret = sys.argv[1], int(sys.argv[2]), sys.argv[3]
# What is usually in /etc/swift/swift.conf.
utils.HASH_PATH_SUFFIX = b"postern"

from swift.account.server import AccountController
from swift.common.middleware import tempauth
from swift.common.middleware.s3api import s3api
from swift.common.ring import RingBuilder
from swift.container.server import ContainerController
from swift.obj.mem_server import ObjectController
from swift.proxy.server import Application

conf = {"devices": directory, "mount_check": "false", "swift_dir": directory, "fallocate_reserve": "0"}


class Memory:
    """In the place of memcached, which Swift asks for where it makes buckets. It forgets at once: nothing is ever out of date."""

    def get(self, *key, **named):
        return None

    def set(self, *pair, **named):
        pass

    delete = set


def remembering(application):
    def call(environ, start_response):
        environ["swift.cache"] = Memory()
        return application(environ, start_response)

    return call


def serve(application, at=0):
    socket = eventlet.listen(("127.0.0.1", at))
    eventlet.spawn(eventlet.wsgi.server, socket, application, open("/dev/null", "w"))
    return socket.getsockname()[1]


def ring(name, at):
    builder = RingBuilder(1, 1, 0)
    builder.add_dev({"region": 1, "zone": 1, "ip": "127.0.0.1", "port": at, "device": "d", "weight": 1})
    builder.rebalance()
    builder.get_ring().save(f"{directory}/{name}.ring.gz")


utils.mkdirs(directory + "/d")
ring("account", serve(AccountController(conf)))
ring("container", serve(ContainerController(conf)))
ring("object", serve(ObjectController(conf)))

users = {"user_test_tester": secret + " .admin"}
proxy = Application({**conf, "account_autocreate": "true", "allow_account_management": "true"})
app = tempauth.filter_factory({}, **users)(proxy)
app = s3api.filter_factory({}, allow_multipart_uploads="false", location="us-east-1")(app)
serve(remembering(app), port)
print("ready", flush=True)
while True:
    eventlet.sleep(3600)
