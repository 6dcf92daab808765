use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc as std_mpsc;

use futures::StreamExt;
use futures::executor::block_on;

use super::*;
use crate::domain::record::Place;

fn add_record(batches: &mut Batches, bytes: usize) -> Result<(), Stop> {
    batches.builder().record(&Place::of(None, None)).finish();
    batches.record_read(bytes as u64)
}

#[test]
fn batches_arrive_in_order_and_the_end_is_told() {
    block_on(async {
        let stream = read_blocking("test", |batches| {
            batches.opened()?;
            (0..400_000).try_for_each(|_| add_record(batches, 10))
        });
        let batches: Vec<_> = stream.await.unwrap().map(Result::unwrap).collect().await;
        assert!(batches.len() > 1);
        assert_eq!(batches.iter().map(RecordBatch::records).sum::<usize>(), 400_000);
        assert_eq!(batches.iter().map(RecordBatch::bytes_read).sum::<u64>(), 4_000_000);
        let sizes = batches.iter().rev().skip(1).map(RecordBatch::lines_bytes);
        assert!(sizes.clone().all(|size| (BATCH_BYTES..BATCH_CAPACITY).contains(&size)), "{sizes:?}");
    });
}

#[test]
fn errors_come_after_the_records_before_them_and_end_the_stream() {
    block_on(async {
        let stream = read_blocking("test", |batches| {
            batches.opened()?;
            add_record(batches, 1)?;
            Err(SourceError::new(SourceErrorKind::BadRecord, "row 2").into())
        });
        let mut stream = stream.await.unwrap();
        assert_eq!(stream.next().await.unwrap().unwrap().records(), 1);
        assert_eq!(stream.next().await.unwrap().unwrap_err().kind(), SourceErrorKind::BadRecord);
        assert!(stream.next().await.is_none());
    });
}

#[test]
fn errors_before_the_source_is_open_are_errors_of_the_call() {
    let missing = |_: &mut Batches| Err(SourceError::new(SourceErrorKind::Missing, "no file").into());
    let Err(error) = block_on(read_blocking("test", missing)) else { panic!("opened") };
    assert_eq!(error.kind(), SourceErrorKind::Missing);
}

#[test]
fn a_reader_that_dies_is_an_error_and_no_end() {
    block_on(async {
        let stream = read_blocking("test", |batches| {
            batches.opened()?;
            for _ in 0..200_000 {
                add_record(batches, 1)?;
            }
            std::panic::resume_unwind(Box::new("dead"))
        });
        let mut items: Vec<_> = stream.await.unwrap().collect().await;
        assert_eq!(items.pop().unwrap().unwrap_err().kind(), SourceErrorKind::Interrupted);
        assert!(items.iter().all(Result::is_ok));
        let early = read_blocking("test", |_| std::panic::resume_unwind(Box::new("dead")));
        assert_eq!(early.await.err().unwrap().kind(), SourceErrorKind::Interrupted);
    });
}

#[test]
fn a_dropped_stream_interrupts_and_ends_the_reader() {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&interrupted);
    let (ended_sender, ended) = std_mpsc::channel();
    let stream = block_on(read_blocking("test", move |batches| {
        batches.opened_with(move || flag.store(true, Ordering::SeqCst))?;
        // Never hands anything over, so only the check can end it.
        let result = loop {
            if let Err(stop) = batches.record_read(0) {
                break stop;
            }
        };
        ended_sender.send(matches!(result, Stop::Dropped)).unwrap();
        Err(result)
    }));
    drop(stream.unwrap());
    assert!(ended.recv().unwrap());
    assert!(interrupted.load(Ordering::SeqCst));
}

#[test]
fn a_slow_consumer_holds_the_reader_back() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let (full_sender, full) = std_mpsc::channel();
    let stream = block_on(read_blocking("test", move |batches| {
        batches.opened()?;
        for number in 0..10 {
            if number == 2 {
                full_sender.send(()).unwrap();
            }
            batches.builder().record(&Place::of(None, None)).finish();
            batches.flush()?;
            counter.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }));
    let stream = stream.unwrap();
    full.recv().unwrap();
    // Two wait in the channel, so the third cannot be sent.
    assert_eq!(sent.load(Ordering::SeqCst), 2);
    assert_eq!(block_on(stream.count()), 10);
}

#[test]
fn the_first_batch_opens_and_so_does_the_end() {
    let stream = block_on(read_blocking("test", |batches| add_record(batches, 1)));
    let batches: Vec<_> = block_on(stream.unwrap().collect());
    assert_eq!(batches.into_iter().map(|batch| batch.unwrap().records()).collect::<Vec<_>>(), [1]);
    assert_eq!(block_on(block_on(read_blocking("test", |_| Ok(()))).unwrap().count()), 0);
}

#[test]
fn a_dropped_call_ends_the_reader_before_it_opens() {
    let (ended_sender, ended) = std_mpsc::channel();
    let (go_sender, go) = std_mpsc::channel();
    let mut call = Box::pin(read_blocking("test", move |batches| {
        go.recv().ok();
        let stop = (0..).find_map(|_| batches.record_read(0).err());
        ended_sender.send(matches!(stop, Some(Stop::Dropped))).ok();
        Ok(())
    }));
    assert!(block_on(async { futures::poll!(&mut call) }).is_pending());
    drop(call);
    go_sender.send(()).unwrap();
    assert!(ended.recv().unwrap());
}
