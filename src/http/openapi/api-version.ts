/** Version of the API: that of its paths, fields and codes. */
export const API_VERSION = "1.0.0";
