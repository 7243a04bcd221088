/** Files that are asked for as texts. */
declare module '*.html'
declare module '*.css'
