/** What crosses into the core and out of it in Chatloom behaviour only, in the form of `../host/border.ts`. */

export const INPUTS = `
restore session# snapshot chatloom!? endpoint contactId participantId participantToken initialContactId userAgent agent!? hostToken!? foreign#? typingThrottleMs#? receiptThrottleMs#? persist!? replay!? mostEntries#?
markRead session# call# id
markDelivered session# call# id
loadOlder session# call# count#
fillGap session# call# gap#
resend session# call# key#
discard session# call# key#`;

export const OUTPUTS = `
queued state=
gap session gap
gapClosed session gap
caughtUp session
message session key call id &
roster session people*
here participantId role name typing delivered read
idle participantId role name typing delivered read
gone participantId role name typing delivered read
missing gap
connection session &
connecting state=
online state=
waiting state= until reason
offline state=
broke state=broken reason
over state=ended
persist session snapshot`;
