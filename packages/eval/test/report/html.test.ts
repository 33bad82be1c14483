import { describe, expect, it } from 'vitest';
import { escapeHtml, Html, html } from '../../src/report/html.ts';

describe('html', () => {
  it('escapes every interpolated string', () => {
    expect(html`<b title="${'"><script>'}">${"<&'"}</b>`.markup).toBe(
      '<b title="&quot;&gt;&lt;script&gt;">&lt;&amp;&#39;</b>',
    );
  });

  it('keeps nested markup, joins lists, leaves out null', () => {
    expect(html`${[html`<i>${1}</i>`, 'a<', null]}${undefined}${new Html('<br>')}`.markup).toBe('<i>1</i>a&lt;<br>');
  });

  it('escapes an ampersand once', () => {
    expect(escapeHtml('&lt;')).toBe('&amp;lt;');
  });
});
