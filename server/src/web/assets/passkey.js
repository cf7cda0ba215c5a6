// @ts-check
/**
 * Passkeys: the two halves of each ceremony, and the bytes between them. The server's options name
 * bytes as base64url; browsers want buffers, and give buffers back.
 */

/** @typedef {Pick<import('./fanju.js').Fanju, 'call'>} Caller */

/** Whether this page may use passkeys at all: a browser that has them, and a secure origin. */
export function passkeysWork() {
  return Boolean(globalThis.isSecureContext && globalThis.PublicKeyCredential && navigator.credentials);
}

/**
 * Makes an account with a new passkey, and its first wallet.
 * @param {Caller} fanju
 * @param {{ name: string, device?: string, currency?: string }} who
 * @returns {Promise<{ token: string, expires_at: number, me: any }>}
 */
export async function signUp(fanju, { name, device, currency }) {
  const { ceremony, options } = await fanju.call('sign_up.begin', { name });
  const credential = await create(options);
  return fanju.call('sign_up.finish', { ceremony, credential, device, currency });
}

/**
 * Signs in with a passkey that the person picks.
 * @param {Caller} fanju
 * @param {{ device?: string }} [how]
 * @returns {Promise<{ token: string, expires_at: number, me: any }>}
 */
export async function signIn(fanju, { device } = {}) {
  const { ceremony, options } = await fanju.call('sign_in.begin', {});
  const credential = await get(options);
  return fanju.call('sign_in.finish', { ceremony, credential, device });
}

/**
 * Shows once more who is there: for money above the step-up amount, or for one change of who comes in.
 * @param {Caller} fanju
 * @returns {Promise<{ fresh_until: number }>}
 */
export async function stepUp(fanju) {
  const { ceremony, options } = await fanju.call('step_up.begin', {});
  const credential = await get(options);
  return fanju.call('step_up.finish', { ceremony, credential });
}

/**
 * Keeps one passkey more, which `add_passkey.begin` has asked for.
 * @param {Caller} fanju
 * @param {{ ceremony: string, options: any }} begun
 * @param {{ label?: string }} [how]
 * @returns {Promise<{ passkey: string, label: string }>}
 */
export async function addPasskey(fanju, { ceremony, options }, { label } = {}) {
  const credential = await create(options);
  return known(credential, () => fanju.call('add_passkey.finish', { ceremony, credential, label }));
}

/**
 * Comes back with a recovery code and a new passkey; everybody else who was signed in is signed out.
 * @param {Caller} fanju
 * @param {{ name: string, code: string, device?: string }} who
 * @returns {Promise<{ token: string, expires_at: number, me: any }>}
 */
export async function recover(fanju, { name, code, device }) {
  const { ceremony, options } = await fanju.call('recovery.begin', { name, code });
  const credential = await create(options);
  return known(credential, () => fanju.call('recovery.finish', { ceremony, credential, device }));
}

/** What to call this device and the passkey on it, unless its owner knows better. */
export function deviceName() {
  return (/** @type {any} */ (navigator).userAgentData?.platform || navigator.platform || 'browser').slice(0, 64);
}

/** Tells whoever keeps passkeys here that the server knows this one no more. @param {string} passkey */
export function forgetPasskey(passkey) {
  const keeper = /** @type {any} */ (globalThis.PublicKeyCredential);
  keeper?.signalUnknownCredential?.({ rpId: location.hostname, credentialId: passkey })?.catch(() => {});
}

/** Does what makes `credential` known; one that the server did not take is not kept. @template T @param {{ id: string }} credential @param {() => Promise<T>} finish */
async function known(credential, finish) {
  try {
    return await finish();
  } catch (error) {
    const status = /** @type {any} */ (error)?.problem?.status ?? 0;
    if (status >= 400 && status < 500) forgetPasskey(credential.id);
    throw error;
  }
}

/** @param {any} options */
async function create(options) {
  try {
    return await made(options);
  } catch (error) {
    // It holds one of the passkeys that the server has listed.
    if (!(error instanceof DOMException) || error.name !== 'InvalidStateError') throw error;
    throw Object.assign(new Error('this device has one of these passkeys'), { name: 'FanjuError', code: 'passkey_here' });
  }
}

/** @param {any} options */
async function made(options) {
  const wire = options.publicKey;
  /** @type {PublicKeyCredentialCreationOptions} */
  const publicKey = {
    ...wire,
    challenge: bytes(wire.challenge),
    user: { ...wire.user, id: bytes(wire.user.id) },
    excludeCredentials: (wire.excludeCredentials ?? []).map(descriptor),
  };
  const fresh = /** @type {PublicKeyCredential} */ (await navigator.credentials.create({ publicKey }));
  const response = /** @type {AuthenticatorAttestationResponse} */ (fresh.response);
  return {
    ...head(fresh),
    response: {
      attestationObject: text(response.attestationObject),
      clientDataJSON: text(response.clientDataJSON),
      transports: response.getTransports?.() ?? [],
    },
  };
}

/** @param {any} options */
async function get(options) {
  const wire = options.publicKey;
  /** @type {PublicKeyCredentialRequestOptions} */
  const publicKey = {
    ...wire,
    challenge: bytes(wire.challenge),
    allowCredentials: (wire.allowCredentials ?? []).map(descriptor),
  };
  const found = /** @type {PublicKeyCredential} */ (await navigator.credentials.get({ publicKey }));
  const response = /** @type {AuthenticatorAssertionResponse} */ (found.response);
  return {
    ...head(found),
    response: {
      authenticatorData: text(response.authenticatorData),
      clientDataJSON: text(response.clientDataJSON),
      signature: text(response.signature),
      userHandle: response.userHandle ? text(response.userHandle) : null,
    },
  };
}

/** @param {PublicKeyCredential} credential */
function head(credential) {
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

/** @param {any} wire @returns {PublicKeyCredentialDescriptor} */
function descriptor(wire) {
  return { ...wire, id: bytes(wire.id) };
}

/** @param {string} base64url @returns {ArrayBuffer} */
function bytes(base64url) {
  const binary = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0)).buffer;
}

/** @param {ArrayBuffer} buffer */
function text(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
