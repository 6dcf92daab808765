//! Rule A2: keys with empty values are left out.
