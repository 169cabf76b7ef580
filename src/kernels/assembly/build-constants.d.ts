/** Which build this is: `DOT`, `PAIR` or `PLAIN`; set by the build command. */
declare const VARIANT: i32;
