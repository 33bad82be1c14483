/** The part of the package that draws figures: with fonts from files, and a native library for pixels. */
export { figureSvg, PNG_SCALE, svgPng } from './node/render-figure.ts';
