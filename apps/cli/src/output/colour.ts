type Paint = (text: string) => string;

/** Colours for one stream: none when it is no terminal, or NO_COLOR is set; FORCE_COLOR asks for them. */
export function colours(stream: {
  isTTY?: boolean;
}): Record<'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan', Paint> {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const isOn = FORCE_COLOR ? FORCE_COLOR !== '0' : stream.isTTY === true && !NO_COLOR && TERM !== 'dumb';
  const paint =
    (open: number, close: number): Paint =>
    (text) =>
      isOn ? `\u001b[${String(open)}m${text}\u001b[${String(close)}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    cyan: paint(36, 39),
  };
}

/** What a terminal would obey is shown instead: names and errors come from whoever submitted them. */
export function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (c) =>
    c === '\n' || c === '\t' ? ' ' : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}
