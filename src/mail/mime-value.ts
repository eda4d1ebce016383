/** How RFC 2045 section 5.1 has values written, and RFC 8601 section 2.2 after it: a token, or a quoted string. One line, ASCII. */
const TOKEN = "[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+";
const QUOTED = String.raw`"(?:[ !#-\[\]-~]|\\[ -~])+"`;

const WHOLE_TOKEN = new RegExp(`^${TOKEN}$`);
const WHOLE_VALUE = new RegExp(`^(?:${TOKEN}|${QUOTED})$`);

/** Whether it can stand as it is, without quotes. */
export const isToken = (text: string): boolean => WHOLE_TOKEN.test(text);

/** Whether it is written as a value has to be: nothing in it can end it early. */
export const isMimeValue = (text: string): boolean => WHOLE_VALUE.test(text);
