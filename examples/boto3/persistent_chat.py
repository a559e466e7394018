"""A whole persistent chat with boto3 against `chatloom serve --demo`, from both sides.

    chatloom serve --demo
    python persistent_chat.py [http://127.0.0.1:8090]

Jane asks for a person. Ana takes the chat, reads and is read, gets a photo, shows Jane a view, and
learns who she is. Next morning Jane comes back, and everything that was said is still there.

Each step says what it does and checks what came of it; the first thing that is not as it should be
ends the script with status 1. It needs Python 3.9 and boto3, nothing else. Against Amazon Connect the
calls of boto3 are the same; the few that are Chatloom's own are in the class `Chatloom`.
"""

import hashlib
import json
import os
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import boto3
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

# What every demo has, and nobody else: docs/running.md says how a server gets keys of its own.
ENDPOINT = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8090").rstrip("/")
REGION = "us-west-2"
ACCESS_KEY, SECRET = "chatloom", "chatloom-demo-secret"
INSTANCE = "11111111-1111-4111-8111-111111111111"
FLOW = "22222222-2222-4222-8222-222222222222"
AGENT = "ana"

EVENT = "application/vnd.amazonaws.connect.event."
INTERACTIVE = "application/vnd.amazonaws.connect.message.interactive"
RESPONSE = INTERACTIVE + ".response"
# How long anything may take, in seconds. It takes far less; a busy machine is slow.
PATIENCE = 60

# A back end has keys and signs: it starts, describes and stops chats.
connect = boto3.client(
    "connect",
    endpoint_url=ENDPOINT,
    region_name=REGION,
    aws_access_key_id=ACCESS_KEY,
    aws_secret_access_key=SECRET,
)
# Participants have tokens and sign nothing. This client serves customer and agent alike.
participant = boto3.client(
    "connectparticipant",
    endpoint_url=ENDPOINT,
    region_name=REGION,
    config=Config(signature_version=UNSIGNED),
)


class Mismatch(Exception):
    """Something is not as this lesson says."""


def chapter(title):
    print(f"\n{title}\n{'-' * len(title)}")


def step(text):
    print(f"  {text}")


def check(what, found, expected):
    """What was found has to be what was expected."""
    if found != expected:
        raise Mismatch(f"{what}: expected {expected!r}, found {found!r}")
    print(f"    ok: {what}")


def http(method, url, body=None, headers=None):
    """One request without boto3: status, headers and body. Redirects are not followed."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    # The same authority that boto3 trusts, if a server has a certificate of its own.
    tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    opener = urllib.request.build_opener(Stay, urllib.request.HTTPSHandler(context=tls))
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with opener.open(request, timeout=PATIENCE) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read()


class Chatloom:
    """What Amazon has in its agent application and in the blocks of flows, and Chatloom as calls."""

    def __init__(self, user):
        self.token = self.post("/v1/agent/login", {"user": user})["token"]

    @staticmethod
    def post(path, body, headers=None):
        headers = {"Content-Type": "application/json", **(headers or {})}
        status, _, answer = http("POST", ENDPOINT + path, json.dumps(body).encode(), headers)
        if status != 200:
            raise Mismatch(f"{path}: {status} {answer.decode()}")
        return json.loads(answer)

    def accept(self, contact):
        """Takes the chat of a contact; gives the agent's participant token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.post("/v1/agent/accept", {"contactId": contact}, headers)["participantToken"]

    def back_end(self, path, body):
        """A call of the back end, signed as boto3 signs its own."""
        request = AWSRequest("POST", ENDPOINT + path, data=json.dumps(body))
        request.headers["Content-Type"] = "application/json"
        SigV4Auth(Credentials(ACCESS_KEY, SECRET), "connect", REGION).add_auth(request)
        return self.post(path, body, dict(request.headers.items()))

    def show_view(self, contact, view, data):
        return self.back_end(f"/v1/contacts/{contact}/view", {"viewId": view, "viewData": data})

    def ask_to_sign_in(self, contact):
        return self.back_end(f"/v1/contacts/{contact}/sign-in", {"timeoutInMinutes": 5})


class Participant:
    """Somebody in a chat: the connection token and what one does with it."""

    def __init__(self, participant_token):
        connection = participant.create_participant_connection(
            # boto3 opens no sockets. ConnectParticipant says that this one is there without.
            Type=["CONNECTION_CREDENTIALS"],
            ConnectParticipant=True,
            ParticipantToken=participant_token,
        )
        self.token = connection["ConnectionCredentials"]["ConnectionToken"]

    def say(self, content, content_type="text/plain"):
        # A ClientToken makes a repeat harmless: whoever got no answer sends the same again.
        return participant.send_message(
            ContentType=content_type,
            Content=content,
            ClientToken=str(uuid.uuid4()),
            ConnectionToken=self.token,
        )["Id"]

    def receipt(self, kind, message):
        participant.send_event(
            ContentType=f"{EVENT}message.{kind}",
            Content=json.dumps({"messageId": message}),
            ConnectionToken=self.token,
        )

    def transcript(self):
        """Everything, oldest first: pages back from the newest until there are no more."""
        items, more = [], {}
        while True:
            page = participant.get_transcript(
                MaxResults=100,
                ScanDirection="BACKWARD",
                SortOrder="ASCENDING",
                ConnectionToken=self.token,
                **more,
            )
            items = page["Transcript"] + items
            if not page.get("NextToken"):
                return items
            more = {"NextToken": page["NextToken"]}

    def waits_for(self, what, matches):
        """Reads until there is something that matches. A page has its socket for that."""
        until = time.monotonic() + PATIENCE
        while True:
            items = self.transcript()
            found = next((item for item in items if matches(item)), None)
            if found:
                print(f"    ok: {what}")
                return found
            if time.monotonic() > until:
                raise Mismatch(f"{what}: not within {PATIENCE} s, only {json.dumps(items)}")
            time.sleep(0.1)

    def hears(self, content):
        return self.waits_for(f"there is {content!r}", lambda item: item.get("Content") == content)

    def sees(self, event, role=None):
        return self.waits_for(
            f"there is {event}{f' of the {role}' if role else ''}",
            lambda item: item.get("ContentType") == EVENT + event
            and role in (None, item.get("ParticipantRole")),
        )

    def leave(self):
        participant.disconnect_participant(ConnectionToken=self.token)


def start(**more):
    """Starts a chat as a shop's back end does for a page."""
    return connect.start_chat_contact(
        InstanceId=INSTANCE,
        ContactFlowId=FLOW,
        ParticipantDetails={"DisplayName": "Guest"},
        SupportedMessagingContentTypes=["text/plain", INTERACTIVE, RESPONSE],
        ClientToken=str(uuid.uuid4()),
        **more,
    )


def describe(contact):
    return connect.describe_contact(InstanceId=INSTANCE, ContactId=contact)["Contact"]


def first_day(chatloom):
    chapter("A chat begins")
    step("The back end starts it, and gives the participant token to Jane's page.")
    started = start(Attributes={"plan": "gold"})
    contact = started["ContactId"]
    jane = Participant(started["ParticipantToken"])
    greeting = jane.waits_for(
        "the flow greets her", lambda item: item.get("ParticipantRole") == "SYSTEM"
    )
    step(f"SYSTEM says: {greeting['Content']}")
    step("Jane asks for a person, and Ana takes the chat.")
    jane.say("An agent, please")
    jane.sees("participant.joined", "CUSTOMER")
    ana = None
    until = time.monotonic() + PATIENCE
    while ana is None:
        try:
            ana = Participant(chatloom.accept(contact))
        except Mismatch:
            # The flow hands her over when it has read what she wrote, which takes a moment.
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    jane.sees("participant.joined", "AGENT")
    described = describe(contact)
    check("the back end sees who serves her", described["AgentInfo"]["Id"], AGENT)
    check("and what it knew about her", described["Attributes"], {"plan": "gold"})

    chapter("Messages and receipts")
    question = jane.say("Where is my parcel?")
    heard = ana.hears("Where is my parcel?")
    check("Ana sees it under the Id that Jane was told", heard["Id"], question)
    step("Ana's application says that the message has come, then that it was read.")
    ana.receipt("delivered", question)
    ana.receipt("read", question)
    read = jane.waits_for(
        "Jane sees that it was read",
        lambda item: item["Id"] == question
        and any("ReadTimestamp" in receipt for receipt in receipts_of(item)),
    )
    check("by one participant", len(receipts_of(read)), 1)
    ana.say("Let me see. Do you have a photo of the label?")
    jane.hears("Let me see. Do you have a photo of the label?")

    chapter("An attachment")
    photo = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 1_000
    step(f"Jane sends a photo of {len(photo):,} bytes: start, put where the answer says, complete.")
    upload = participant.start_attachment_upload(
        ContentType="image/png",
        AttachmentSizeInBytes=len(photo),
        AttachmentName="label.png",
        ClientToken=str(uuid.uuid4()),
        ConnectionToken=jane.token,
    )
    place = upload["UploadMetadata"]
    status, _, _ = http("PUT", place["Url"], photo, place["HeadersToInclude"])
    check("the bytes are there", status, 200)
    participant.complete_attachment_upload(
        AttachmentIds=[upload["AttachmentId"]],
        ClientToken=str(uuid.uuid4()),
        ConnectionToken=jane.token,
    )
    item = ana.waits_for(
        "Ana sees the file once it is approved",
        lambda item: item["Type"] == "ATTACHMENT"
        and item["Attachments"][0]["Status"] == "APPROVED",
    )
    check("by its name", item["Attachments"][0]["AttachmentName"], "label.png")
    check("Ana opens what Jane sent", digest(fetch(ana, upload["AttachmentId"])), digest(photo))

    chapter("A view")
    step("The back end shows Jane a form; the message carries a token for it.")
    shown = chatloom.show_view(contact, "parcel", {"name": "Jane"})
    message = jane.waits_for("the message is there", lambda item: item["Id"] == shown["id"])
    content = json.loads(message["Content"])["data"]["content"]
    view = participant.describe_view(ViewToken=content["viewToken"], ConnectionToken=jane.token)
    view = view["View"]
    check("the view is the demo's", (view["Id"], view["Name"]), ("parcel", "Where is my parcel?"))
    template = json.loads(view["Content"]["Template"])
    form = template["Body"][0]["Content"]
    fields = [part["Props"]["Name"] for part in form if part["Type"] == "FormInput"]
    check("her page knows what to ask for", fields, ["number"])
    [action] = view["Content"]["Actions"]
    step("Jane fills it in; what she answers is a message too.")
    answer = {
        "templateType": "ViewResource",
        "version": "1.0",
        "action": action,
        "data": {"number": "1Z 999"},
    }
    answered = jane.say(json.dumps(answer), RESPONSE)
    got = ana.waits_for("Ana sees the answer", lambda item: item["Id"] == answered)
    check("with what Jane wrote", json.loads(got["Content"])["data"], {"number": "1Z 999"})

    chapter("Signing in")
    step("The back end asks Jane to sign in. Her page gets a session and asks for an address.")
    chatloom.ask_to_sign_in(contact)
    asked = jane.sees("authentication.initiated")
    url = participant.get_authentication_url(
        SessionId=json.loads(asked["Content"])["SessionId"],
        RedirectUri="http://127.0.0.1:8100/back",
        ConnectionToken=jane.token,
    )["AuthenticationUrl"]
    step("Jane's browser goes there. The demo's provider signs in whoever comes.")
    status, headers, _ = http("GET", f"{url}&login_hint=Jane")
    check("it sends the browser back to the page", status, 302)
    back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(headers["Location"]).query))
    connect.update_participant_authentication(
        InstanceId=INSTANCE, State=back["state"], Code=back["code"]
    )
    jane.sees("authentication.succeeded")
    renamed = ana.sees("participant.displayname.updated")
    check("Ana sees who it is", renamed["DisplayName"], "Jane")

    chapter("The chat ends")
    ana.say("It comes tomorrow.")
    jane.hears("It comes tomorrow.")
    jane.leave()
    check("the reason is kept", describe(contact)["DisconnectReason"], "CUSTOMER_DISCONNECT")
    try:
        jane.say("One more thing")
    except participant.exceptions.AccessDeniedException:
        step("Nobody writes into a chat that is over: AccessDeniedException.")
    else:
        raise Mismatch("a message was taken after the end")
    return contact, question, (upload["AttachmentId"], photo)


def next_day(chatloom, past, question, attachment):
    chapter("Next morning: the same chat goes on")
    step("The back end names the contact to continue.")
    started = start(
        PersistentChat={"RehydrationType": "ENTIRE_PAST_SESSION", "SourceContactId": past}
    )
    contact = started["ContactId"]
    check("it is a new contact that continues the old one", started["ContinuedFromContactId"], past)
    jane = Participant(started["ParticipantToken"])
    items = jane.transcript()
    before = [item for item in items if item.get("RelatedContactId") == past]
    said = [item["Content"] for item in before if item.get("ContentType") == "text/plain"]
    check(
        "what Jane and Ana said is there, in its order",
        [text for text in said if text in ("Where is my parcel?", "It comes tomorrow.")],
        ["Where is my parcel?", "It comes tomorrow."],
    )
    [asked] = [item for item in before if item["Id"] == question]
    check("with its receipts", "ReadTimestamp" in receipts_of(asked)[0], True)
    files = [file["AttachmentName"] for item in before for file in item.get("Attachments", [])]
    check("and the photo", files, ["label.png"])
    times = [item["AbsoluteTime"] for item in items]
    check("past and present are one sequence", times, sorted(times))
    identifier, photo = attachment
    check("which still opens", digest(fetch(jane, identifier)), digest(photo))
    step("Jane says thank you, and the back end ends the chat.")
    jane.say("It has come. Thank you!")
    connect.stop_contact(InstanceId=INSTANCE, ContactId=contact)
    described = describe(contact)
    check("it is over", described["DisconnectReason"], "OTHER")
    check("and belongs to yesterday's", described["RelatedContactId"], past)


def receipts_of(item):
    return item.get("MessageMetadata", {}).get("Receipts", [])


def fetch(who, attachment):
    """Fetches a file by the address that its reader gets, which is good for a few minutes."""
    answer = participant.get_attachment(AttachmentId=attachment, ConnectionToken=who.token)
    status, _, content = http("GET", answer["Url"])
    check("the address gives a file", status, 200)
    check("of the size that was said", len(content), answer["AttachmentSizeInBytes"])
    return content


def digest(content):
    return hashlib.sha256(content).hexdigest()[:16]


def main():
    print(f"A persistent chat against {ENDPOINT}")
    chatloom = Chatloom(AGENT)
    past, question, attachment = first_day(chatloom)
    next_day(chatloom, past, question, attachment)
    print("\nAll of it is as it should be.")


if __name__ == "__main__":
    try:
        main()
    except Mismatch as mismatch:
        sys.exit(f"\nNot as it should be: {mismatch}")
