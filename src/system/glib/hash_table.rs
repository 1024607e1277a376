//! `GLib`'s hash table of strings, as far as it shows: the order in which it gives its entries.
//!
//! Invariant: nothing is ever removed; a second insertion of a key replaces the value and keeps the place.

/// The largest prime below each power of two.
const PRIMES: [u32; 31] = [
    1,
    2,
    3,
    7,
    13,
    31,
    61,
    127,
    251,
    509,
    1021,
    2039,
    4093,
    8191,
    16_381,
    32_749,
    65_521,
    131_071,
    262_139,
    524_287,
    1_048_573,
    2_097_143,
    4_194_301,
    8_388_593,
    16_777_213,
    33_554_393,
    67_108_859,
    134_217_689,
    268_435_399,
    536_870_909,
    1_073_741_789,
];

const SMALLEST: u32 = 3;

/// Places that are tried for a key. Keys that were made to collide need more, and are left out.
const PROBES: usize = 4096;

/// Bernstein's hash, with signed characters.
pub fn hash(text: &[u8]) -> u32 {
    text.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add_signed(i32::from(byte.cast_signed())))
}

/// A table from strings to `T`.
#[derive(Clone, Debug)]
pub struct HashTable<T> {
    /// For each place the entry that stands there.
    places: Vec<Option<usize>>,
    shift: u32,
    entries: Vec<(Vec<u8>, u32, T)>,
    is_crowded: bool,
}

impl<T> Default for HashTable<T> {
    fn default() -> Self {
        Self { places: vec![None; 1 << SMALLEST], shift: SMALLEST, entries: Vec::new(), is_crowded: false }
    }
}

impl<T> HashTable<T> {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
    /// Whether a key was left out, since too many others stand where it would.
    pub fn is_crowded(&self) -> bool {
        self.is_crowded
    }
    fn first_place(&self, hash: u32) -> usize {
        let prime = PRIMES.get(self.shift as usize).copied().unwrap_or(1);
        (hash.wrapping_mul(11) % prime) as usize
    }
    /// The key's place, or the free one where it would go.
    fn find(&self, key: &[u8], hash: u32) -> (usize, Option<usize>) {
        let mut place = self.first_place(hash);
        let mut step = 0;
        while let Some(entry) = self.places.get(place).copied().flatten() {
            if self.entries.get(entry).is_some_and(|(known, known_hash, _)| *known_hash == hash && known == key) {
                return (place, Some(entry));
            }
            step += 1;
            if step > PROBES {
                return (usize::MAX, None);
            }
            place = (place + step) & (self.places.len() - 1);
        }
        (place, None)
    }
    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<&T> {
        let (_, entry) = self.find(key, real(hash(key)));
        self.entries.get(entry?).map(|(_, _, value)| value)
    }
    /// The same, to change it.
    pub fn get_mut(&mut self, key: &[u8]) -> Option<&mut T> {
        let (_, entry) = self.find(key, real(hash(key)));
        self.entries.get_mut(entry?).map(|(_, _, value)| value)
    }
    /// Sets the value of a key.
    pub fn insert(&mut self, key: &[u8], value: T) {
        let hash = real(hash(key));
        let (place, entry) = self.find(key, hash);
        if let Some((_, _, old)) = entry.and_then(|entry| self.entries.get_mut(entry)) {
            *old = value;
            return;
        }
        let Some(free) = self.places.get_mut(place) else {
            self.is_crowded = true;
            return;
        };
        *free = Some(self.entries.len());
        self.entries.push((key.to_vec(), hash, value));
        let used = self.entries.len();
        if self.places.len() <= used + used / 16 {
            self.grow();
        }
    }
    /// A larger table, filled place by place: who stands where another belongs moves on at once.
    fn grow(&mut self) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "as GLib does it")]
        let wanted = (self.entries.len() as f64 * 1.333) as usize;
        self.shift = (usize::BITS - wanted.leading_zeros()).max(SMALLEST);
        let old = self.places.len();
        let size = (1_usize << self.shift).max(old);
        self.places.resize(size, None);
        let mut settled = vec![false; size];
        for start in 0..old {
            if settled.get(start).copied().unwrap_or(true) {
                continue;
            }
            let mut moving = self.places.get_mut(start).and_then(Option::take);
            while let Some(entry) = moving {
                let hash = self.entries.get(entry).map_or(0, |(_, hash, _)| *hash);
                let mut place = self.first_place(hash);
                let mut step = 0;
                while settled.get(place).copied().unwrap_or(false) {
                    step += 1;
                    place = (place + step) & (size - 1);
                }
                if let Some(flag) = settled.get_mut(place) {
                    *flag = true;
                }
                moving = self.places.get_mut(place).and_then(|at| at.replace(entry));
            }
        }
    }
    /// All entries, in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &T)> {
        self.places.iter().flatten().filter_map(|entry| self.entries.get(*entry)).map(|(key, _, value)| (&key[..], value))
    }
}

/// 0 and 1 say that a place is free, so no key has them.
fn real(hash: u32) -> u32 {
    if hash < 2 { 2 } else { hash }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_place() {
        let mut table = HashTable::default();
        for n in 0..1000_u32 {
            table.insert(format!("key {n}").as_bytes(), n);
        }
        let before: Vec<Vec<u8>> = table.iter().map(|(key, _)| key.to_vec()).collect();
        table.insert(b"key 7", 8);
        assert_eq!((table.len(), table.get(b"key 7"), table.get(b"key")), (1000, Some(&8), None));
        assert_eq!(table.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>(), before);
    }

    #[test]
    fn characters_above_127_count_as_negative() {
        assert_eq!((hash("é".as_bytes()), hash(b"abc")), (5_857_809, 193_485_963));
    }
}
