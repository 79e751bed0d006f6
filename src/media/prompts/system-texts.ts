/**
 * The sounds that ship with Trunkline and what each says in English: `prompts/en/system/NAME.wav`, made from this table by
 * `scripts/make-sounds.mjs`. Numbers are composed of single words; a whole sentence is one recording, since glued sentences sound
 * like it. An admin's own `LANGUAGE/system/NAME.wav` under `media.prompts` comes first.
 */
export const SYSTEM_TEXTS = {
  '0': 'zero',
  '1': 'one',
  '2': 'two',
  '3': 'three',
  '4': 'four',
  '5': 'five',
  '6': 'six',
  '7': 'seven',
  '8': 'eight',
  '9': 'nine',
  '10': 'ten',
  '11': 'eleven',
  '12': 'twelve',
  '13': 'thirteen',
  '14': 'fourteen',
  '15': 'fifteen',
  '16': 'sixteen',
  '17': 'seventeen',
  '18': 'eighteen',
  '19': 'nineteen',
  '20': 'twenty',
  '30': 'thirty',
  '40': 'forty',
  '50': 'fifty',
  '60': 'sixty',
  '70': 'seventy',
  '80': 'eighty',
  '90': 'ninety',
  hundred: 'hundred',
  thousand: 'thousand',
  and: 'and',
  plus: 'plus',
  star: 'star',
  pound: 'pound',

  between: 'between',
  'more-than': 'more than',
  'less-than': 'less than',
  second: 'second',
  seconds: 'seconds',
  minute: 'minute',
  minutes: 'minutes',
  hour: 'hour',
  hours: 'hours',
  'less-than-a-minute': 'less than a minute',
  'estimated-wait': 'Your estimated wait is',
  'you-are-number': 'You are number',
  'in-line': 'in line.',
  'next-in-line': 'You are next in line.',

  invalid: 'Sorry, that is not a valid choice.',
  'no-input': 'Sorry, I did not get that.',
  'please-hold': 'Please hold.',
  goodbye: 'Goodbye.',
  'you-entered': 'You entered',
  'if-correct': 'If this is correct, press 1. To enter it again, press 2.',

  unavailable: 'The person you called is not available.',
  'leave-a-message':
    'Please leave a message after the tone. When you have finished, press pound or simply hang up.',
  'message-review': 'To keep your message, press 1. To listen to it, press 2. To record it again, press 3.',
  'message-kept': 'Your message has been kept.',
  'message-too-short': 'Your message was too short.',
  'mailbox-full': 'This mailbox is full and takes no more messages.',
  'enter-mailbox': 'Please enter your mailbox number, then press pound.',
  'enter-pin': 'Please enter your PIN, then press pound.',
  'wrong-pin': 'The mailbox number or PIN is not correct.',
  'mailbox-locked': 'There were too many wrong attempts. Please try again later.',
  'you-have': 'You have',
  'no-messages': 'You have no messages.',
  'new-message': 'new message.',
  'new-messages': 'new messages.',
  'saved-message': 'saved message.',
  'saved-messages': 'saved messages.',
  'mailbox-menu':
    'For new messages, press 1. For saved messages, press 2. To take back what you deleted, press 8. To end, press star.',
  'message-menu':
    'To hear it again, press 1. To save it, press 2. To delete it, press 3. To call back, press 5. For the next message, press pound. For the main menu, press star.',
  'message-from': 'Message from',
  'an-unknown-caller': 'an unknown caller',
  'message-saved': 'Message saved.',
  'message-deleted': 'Message deleted.',
  'message-restored': 'Your deleted messages are back.',
  'no-more-messages': 'There are no more messages.',
  'no-number-to-call': 'There is no number to call back.',

  'call-from': 'Call from',
  'press-1-to-take': 'To take the call, press 1. To decline it, press 2.',
  'call-taken-elsewhere': 'The call was taken by somebody else.',
  waited: 'waited',

  'callback-offer':
    'To be called back when it is your turn, without losing your place, press 1. To keep waiting, press 2.',
  'callback-this-number': 'We would call you back on',
  'callback-confirm-number': 'If this number is right, press 1. To enter another number, press 2.',
  'enter-number': 'Please enter the number with its area code, then press pound.',
  'callback-promised': 'Thank you. We will call you back. You may hang up now.',

  'enter-conference-pin': 'Please enter the PIN of the conference, then press pound.',
  'wrong-conference-pin': 'This PIN is not correct.',
  'joining-conference': 'You are now joining the conference.',
  'only-one-in-conference': 'You are the only person in this conference.',
  'only-one-here': 'You are the only one here.',
  'has-joined': 'has joined.',
  'has-left': 'has left.',

  'being-recorded': 'This call is being recorded.',
  'will-be-recorded': 'This call will be recorded.',
  'transfer-failed': 'The transfer did not succeed.',
  'parked-at': 'The call is parked at',
  'known-outage': 'We know of an outage and are working on it.',
  'survey-thanks': 'Thank you for your answer.',
} as const satisfies Record<string, string>;

export type SystemPrompt = keyof typeof SYSTEM_TEXTS;

/**
 * What the sample plan in `dialplans/` says, spoken beforehand so that it needs nothing installed: the shipped rendering of a `say:` is
 * taken where none can be made here.
 */
export const SAMPLE_TEXTS: readonly string[] = [
  'We are closed for the holiday. Happy celebrations!',
  'Welcome. For sales, press 1. For support, press 2. To reach a person at any time, press 0.',
  'From 1 to 5, how satisfied are you with this call?',
];
