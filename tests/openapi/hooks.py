"""What made-up requests need to get past the door: credentials, and names of things that are there.

`cargo xtask fuzz --openapi` loads this into schemathesis. Every other request names what is there:
which one does follows from what was made up, so that a seed gives the same requests each time.
"""

import json
import os
import urllib.request
from urllib.parse import urlsplit

import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

BASE = os.environ["CHATLOOM_URL"]
CHAOS_KEY = os.environ["CHATLOOM_CHAOS_KEY"]
INSTANCE = "11111111-1111-4111-8111-111111111111"
FLOW = "22222222-2222-4222-8222-222222222222"
ACCESS = SigV4Auth(Credentials("chatloom", "chatloom-demo-secret"), "connect", "us-west-2")
FILE = b"made-up requests replace this"


def post(path, body, token=None):
    request = urllib.request.Request(BASE + path, json.dumps(body).encode(), method="POST")
    request.add_header("content-type", "application/json")
    if token:
        request.add_header("x-amz-bearer", token)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def start_chat():
    return post(
        "/start-chat",
        {
            "InstanceId": INSTANCE,
            "ContactFlowId": FLOW,
            "ParticipantDetails": {"DisplayName": "Jane"},
        },
    )["data"]["startChatResult"]


def connect(chat):
    """The connection token of a chat's customer."""
    connection = post(
        "/participant/connection",
        {"Type": ["CONNECTION_CREDENTIALS"], "ConnectParticipant": True},
        chat["ParticipantToken"],
    )
    return connection["ConnectionCredentials"]["ConnectionToken"]


def file_token():
    """The token of a URL that a file can be uploaded to."""
    upload = post(
        "/participant/start-attachment-upload",
        {
            "ContentType": "text/plain",
            "AttachmentSizeInBytes": len(FILE),
            "AttachmentName": "a.txt",
            "ClientToken": "a",
        },
        connect(start_chat()),
    )
    return urlsplit(upload["UploadMetadata"]["Url"]).path.rsplit("/", 1)[1]


def waiting_contact():
    """A chat whose customer has asked for an agent."""
    chat = start_chat()
    token = connect(chat)
    post("/participant/message", {"ContentType": "text/plain", "Content": "agent"}, token)
    return chat["ContactId"]


AGENT = post("/v1/agent/login", {"user": "ana"})["token"]
THERE = {
    "ContactId": start_chat()["ContactId"],
    "contactId": waiting_contact(),
    "token": file_token(),
    "user": "ana",
    "viewId": "parcel",
}


class Credential(requests.auth.AuthBase):
    """Whatever the path asks for, on the request as it is sent."""

    def __call__(self, request):
        path = urlsplit(request.url).path
        if path.startswith(("/v1/contacts/", "/v1/chats/")):
            signed = AWSRequest(request.method, request.url, data=request.body or b"")
            ACCESS.add_auth(signed)
            request.headers.update(dict(signed.headers.items()))
        elif path.startswith("/v1/agent/"):
            request.headers["authorization"] = f"Bearer {AGENT}"
        elif path.startswith("/v1/admin/chaos/"):
            request.headers["authorization"] = f"Bearer {CHAOS_KEY}"
        return request


def name_what_is_there(members):
    if isinstance(members, dict):
        for name in THERE.keys() & members.keys():
            if len(str(members[name])) % 2 == 0:
                members[name] = THERE[name]


@schemathesis.hook
def before_call(context, case, kwargs):
    name_what_is_there(case.path_parameters)
    name_what_is_there(case.body)
    kwargs["auth"] = Credential()
