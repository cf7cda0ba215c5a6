//! Pictures of codes, read as a scanner reads them: by the standards' own tables, written down here
//! once more, and not by the libraries that drew them.

use fanju::domain::code::Code;

use super::super::codes;

/// Codes of all kinds of digits.
fn some_codes() -> impl Iterator<Item = Code> {
    [0, 7, 42, 123_456_789, 999_999_999_999_999].into_iter().map(Code::from_random)
}

#[test]
fn bars_say_the_digits_of_their_code() {
    for code in some_codes() {
        assert_eq!(digits_of_bars(&codes::bars(code)), code.to_string());
    }
}

#[test]
fn squares_say_the_digits_of_their_code() {
    for code in some_codes() {
        assert_eq!(digits_of_square(&codes::qr(code)), code.to_string());
    }
}

/// The rectangles of an SVG path: left, top, width, height.
fn rectangles(svg: &str) -> Vec<(usize, usize, usize, usize)> {
    let (_, path) = svg.rsplit_once(" d=\"").expect("a path");
    let (path, _) = path.split_once('"').expect("its end");
    let numbers = |text: &str| -> Vec<usize> {
        text.split(|sign: char| !sign.is_ascii_digit())
            .filter(|number| !number.is_empty())
            .map(|number| number.parse().expect("a number"))
            .collect()
    };
    let corners = path.split('M').filter(|one| !one.is_empty()).map(numbers);
    corners.map(|one| (one[0], one[1], one[2], one[3])).collect()
}

/// The symbols of Code 128 as widths of bars and spaces in turn. Source: ISO/IEC 15417, table 1.
const SYMBOLS: &str = "\
    212222 222122 222221 121223 121322 131222 122213 122312 132212 221213 221312 231212 112232 \
    122132 122231 113222 123122 123221 223211 221132 221231 213212 223112 312131 311222 321122 \
    321221 312212 322112 322211 212123 212321 232121 111323 131123 131321 112313 132113 132311 \
    211313 231113 231311 112133 112331 132131 113123 113321 133121 313121 211331 231131 213113 \
    213311 213131 311123 311321 331121 312113 312311 332111 314111 221411 431111 111224 111422 \
    121124 121421 141122 141221 112214 112412 122114 122411 142112 142211 241211 221114 413111 \
    241112 134111 111242 121142 121241 114212 124112 124211 411212 421112 421211 212141 214121 \
    412121 111143 111341 131141 114113 114311 411113 411311 113141 114131 311141 411131 211412 \
    211214 211232";
const START_C: usize = 105;
const STOP: &str = "2331112";

fn digits_of_bars(svg: &str) -> String {
    let dark: Vec<usize> = rectangles(svg).iter().map(|(left, ..)| *left).collect();
    let (first, last) = (dark[0], dark[dark.len() - 1]);
    assert_eq!(first, 10, "ten modules are quiet before the first bar");
    // Widths of what is dark and light in turn, as one digit each.
    let (mut widths, mut run, mut was) = (String::new(), 0, true);
    for x in first..=last + 1 {
        let is = x <= last && dark.contains(&x);
        if is != was {
            widths += &format!("{run}");
            (run, was) = (0, is);
        }
        run += 1;
    }
    let widths = widths.strip_suffix(STOP).expect("a stop");
    let table: Vec<&str> = SYMBOLS.split_whitespace().collect();
    let symbols: Vec<usize> = (0..widths.len() / 6)
        .map(|at| &widths[at * 6..at * 6 + 6])
        .map(|shape| table.iter().position(|one| *one == shape).expect("a symbol"))
        .collect();
    let (check, symbols) = symbols.split_last().expect("a check symbol");
    let weighed = symbols.iter().enumerate().map(|(at, symbol)| symbol * at.max(1));
    assert_eq!(weighed.sum::<usize>() % 103, *check, "the check symbol");
    assert_eq!(symbols[0], START_C, "pairs of digits from the start");
    symbols[1..].iter().map(|pair| format!("{pair:02}")).collect()
}

/// Modules on a side of the smallest square, version 1.
const SIDE: usize = 21;
/// Light modules around it. Source: ISO/IEC 18004, 5.3.8.
const QUIET: usize = 4;
/// Codewords of version 1 that correct others, at level M.
const CORRECTING: usize = 10;

fn digits_of_square(svg: &str) -> String {
    let dark = modules(svg);
    let mask = mask_of(&dark);
    let bits: Vec<bool> = way()
        .into_iter()
        .map(|(row, column)| dark[row][column] ^ masked(mask, row, column))
        .collect();
    let number = |bits: &[bool]| bits.iter().fold(0, |sum, bit| sum * 2 + usize::from(*bit));
    let words: Vec<usize> = bits.chunks(8).map(number).collect();
    assert_eq!(words.len(), 26, "codewords of version 1");
    assert!(
        (0..CORRECTING).all(|root| remainder(&words, root) == 0),
        "the words correct each other"
    );
    assert_eq!(number(&bits[..4]), 1, "digits");
    let count = number(&bits[4..14]);
    let triples = bits[14..].chunks(10).take(count / 3);
    triples.map(|triple| format!("{:03}", number(triple))).collect()
}

fn modules(svg: &str) -> [[bool; SIDE]; SIDE] {
    let all = rectangles(svg);
    let step = all.iter().map(|(.., height)| *height).min().expect("something dark");
    let mut dark = [[false; SIDE]; SIDE];
    for (left, top, width, height) in all {
        for y in (top..top + height).step_by(step) {
            for x in (left..left + width).step_by(step) {
                dark[y / step - QUIET][x / step - QUIET] = true;
            }
        }
    }
    dark
}

/// Which mask the square says that it has, at level M. Source: ISO/IEC 18004, 7.9.
fn mask_of(dark: &[[bool; SIDE]; SIDE]) -> usize {
    let along = [0, 1, 2, 3, 4, 5, 7, 8].map(|column| dark[8][column]);
    let up = [7, 5, 4, 3, 2, 1, 0].map(|row| dark[row][8]);
    let said = along.iter().chain(&up).fold(0, |sum, bit| sum * 2 + usize::from(*bit)) ^ 0x5412;
    let mut rest = said;
    for bit in (10..15).rev() {
        if rest >> bit & 1 == 1 {
            rest ^= 0x537 << (bit - 10);
        }
    }
    assert_eq!((rest, said >> 13), (0, 0), "level M, and nothing wrong in what says so");
    said >> 10 & 7
}

/// Whether the mask turns this module. Source: ISO/IEC 18004, table 10.
fn masked(mask: usize, row: usize, column: usize) -> bool {
    let product = row * column;
    0 == match mask {
        0 => (row + column) % 2,
        1 => row % 2,
        2 => column % 3,
        3 => (row + column) % 3,
        4 => (row / 2 + column / 3) % 2,
        5 => product % 2 + product % 3,
        6 => (product % 2 + product % 3) % 2,
        _ => ((row + column) % 2 + product % 3) % 2,
    }
}

/// Where the bits are, in their order: up and down in pairs of columns from the right.
fn way() -> Vec<(usize, usize)> {
    let is_data = |row: usize, column: usize| {
        let (at_left, at_top) = (column < 9, row < 9);
        let corner = match (row >= SIDE - 8, column >= SIDE - 8) {
            (true, _) => at_left,
            (_, true) => at_top,
            _ => at_left && at_top,
        };
        !corner && row != 6 && column != 6
    };
    let mut way = Vec::new();
    for (turn, right) in [20, 18, 16, 14, 12, 10, 8, 5, 3, 1].into_iter().enumerate() {
        for step in 0..SIDE {
            let row = if turn % 2 == 0 { SIDE - 1 - step } else { step };
            way.extend(
                [(row, right), (row, right - 1)].into_iter().filter(|(r, c)| is_data(*r, *c)),
            );
        }
    }
    way
}

/// What the words leave when divided by `x - 2^root`, over the field of the standard: nothing.
fn remainder(words: &[usize], root: usize) -> usize {
    let twice = |value: usize| if value < 128 { value * 2 } else { (value * 2) ^ 0x11d };
    let times = |value: usize| (0..root).fold(value, |value, _| twice(value));
    words.iter().fold(0, |sum, word| times(sum) ^ word)
}
