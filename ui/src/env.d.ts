/** True in development and in the builds that screenshots are taken of. */
declare const __MOCK__: boolean;
