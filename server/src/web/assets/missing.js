// @ts-check
/** In place of a page that is not there: that it is not, and the ways to those that are. */

import { h, languageSwitch } from './ui.js';
import { begin, t } from './words.js';

begin();
document.title = `${t('missing')} · 饭局`;
document.body.append(h('main', { class: 'welcome' },
  h('div', { class: 'welcome-head' }, languageSwitch()),
  h('img', { src: '/assets/icon.svg', alt: '', width: 88, height: 88, class: 'welcome-seal' }),
  h('h1', null, t('missing')),
  h('p', { class: 'lead' }, t('missing_why')),
  h('a', { href: '/', class: 'button primary wide' }, t('missing_home')),
  h('a', { href: '/till', class: 'button wide' }, t('till'))));
