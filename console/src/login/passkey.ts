/** Passkeys: what the node asks, in the browser's own bytes, and its answer as text again. */

/** A node's question, as WebAuthn's JSON has it. */
export interface Question {
  challenge: string;
  timeout: number;
  rpId?: string;
  userVerification?: UserVerificationRequirement;
  allowCredentials?: { id: string; type: "public-key" }[];
}
export interface Wish extends Omit<Question, "rpId" | "allowCredentials"> {
  rp: { id: string; name: string };
  user: { id: string; name: string; displayName: string };
  pubKeyCredParams: { type: "public-key"; alg: number }[];
  authenticatorSelection?: AuthenticatorSelectionCriteria;
  excludeCredentials?: { id: string; type: "public-key" }[];
  attestation?: AttestationConveyancePreference;
}

/** Whether this browser can hold or ask for passkeys at all. */
export const hasPasskeys = typeof PublicKeyCredential !== "undefined";

function bytes(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}
function text(buffer: ArrayBuffer | null): string {
  const letters = String.fromCharCode(...new Uint8Array(buffer ?? new ArrayBuffer(0)));
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
function answer(made: PublicKeyCredential, response: Record<string, string>): unknown {
  return { id: made.id, rawId: text(made.rawId), type: made.type, response, clientExtensionResults: made.getClientExtensionResults() };
}

/** Let the holder choose a passkey and prove that it is them. Throws what the browser throws. */
export async function askForPasskey(question: Question): Promise<unknown> {
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: bytes(question.challenge),
    timeout: question.timeout,
    userVerification: question.userVerification ?? "required",
    allowCredentials: (question.allowCredentials ?? []).map((each) => ({ id: bytes(each.id), type: each.type })),
    ...(question.rpId ? { rpId: question.rpId } : {}),
  };
  const made = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const said = made.response as AuthenticatorAssertionResponse;
  return answer(made, {
    clientDataJSON: text(said.clientDataJSON),
    authenticatorData: text(said.authenticatorData),
    signature: text(said.signature),
    userHandle: text(said.userHandle),
  });
}

/** Let the browser make a passkey. Throws what the browser throws. */
export async function makePasskey(wish: Wish): Promise<unknown> {
  const publicKey: PublicKeyCredentialCreationOptions = {
    challenge: bytes(wish.challenge),
    timeout: wish.timeout,
    rp: wish.rp,
    user: { ...wish.user, id: bytes(wish.user.id) },
    pubKeyCredParams: wish.pubKeyCredParams,
    excludeCredentials: (wish.excludeCredentials ?? []).map((each) => ({ id: bytes(each.id), type: each.type })),
    attestation: wish.attestation ?? "none",
    ...(wish.authenticatorSelection ? { authenticatorSelection: wish.authenticatorSelection } : {}),
  };
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const said = made.response as AuthenticatorAttestationResponse;
  return answer(made, { clientDataJSON: text(said.clientDataJSON), attestationObject: text(said.attestationObject) });
}

/** Whether the holder pressed cancel, or had nothing to choose from: no fault to shout about. */
export function wasCancelled(error: unknown): boolean {
  return error instanceof DOMException && ["NotAllowedError", "AbortError"].includes(error.name);
}
