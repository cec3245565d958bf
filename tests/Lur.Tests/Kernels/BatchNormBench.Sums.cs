using Lur.Device;
using Lur.Tests.Device;

namespace Lur.Tests.Kernels;

/// <content>Sums, in two launches or in one.</content>
internal sealed partial class BatchNormBench
{
    /// <summary>Every launch leaves the counters as it found them.</summary>
    private void CheckDone() => Assert.That(_done.Download(), Is.All.Zero, $"{_bench.Name} counters");

    private void Sums(
        GuardedBuffer means,
        DevicePointer<Real> dgamma,
        DevicePointer<Real> dbeta,
        GuardedBuffer partial,
        GuardedBuffer d,
        DevicePointer<Real> mask,
        int accumulate
    )
    {
        var (x, mean, rstd) = (_x.Pointer, _mean.Pointer, _rstd.Pointer);
        if (!_atOnce)
        {
            Kernel.BatchNormSums(Chunks, partial.Pointer, d.Pointer, mask, x, mean, rstd, _rows, _channels, _chunks);
            Kernel.BatchNormSumsFinish(Channels, means.Pointer, dgamma, dbeta, partial.Pointer, 1, _rows, _channels, _chunks, accumulate);
            return;
        }

        _bench.Kernels.BatchNormTotals.BatchNormTotalSums(
            Totals,
            means.Pointer,
            dgamma,
            dbeta,
            partial.Pointer,
            _done.Pointer(),
            d.Pointer,
            mask,
            x,
            mean,
            rstd,
            _rows,
            _channels,
            _chunks
        );
        CheckDone();
    }

    private void TangentSums(
        GuardedBuffer means,
        GuardedBuffer tdgamma,
        GuardedBuffer tdbeta,
        GuardedBuffer partial,
        (GuardedBuffer Tdy, GuardedBuffer Dy, GuardedBuffer Tx) d,
        DevicePointer<Real> tmeans,
        int accumulate
    )
    {
        var (tdy, dy, tx) = (d.Tdy.Pointer, d.Dy.Pointer, d.Tx.Pointer);
        var (x, mean, rstd) = (_x.Pointer, _mean.Pointer, _rstd.Pointer);
        if (!_atOnce)
        {
            Kernel.BatchNormTangentSums(Chunks, partial.Pointer, tdy, dy, Mask, tx, x, mean, rstd, tmeans, _rows, _channels, _chunks);
            Kernel.BatchNormSumsFinish(
                Channels,
                means.Pointer,
                tdgamma.Pointer,
                tdbeta.Pointer,
                partial.Pointer,
                2,
                _rows,
                _channels,
                _chunks,
                accumulate
            );
            return;
        }

        _bench.Kernels.BatchNormTotals.BatchNormTotalTangentSums(
            Totals,
            means.Pointer,
            tdgamma.Pointer,
            tdbeta.Pointer,
            partial.Pointer,
            _done.Pointer(),
            tdy,
            dy,
            Mask,
            tx,
            x,
            mean,
            rstd,
            tmeans,
            _rows,
            _channels,
            _chunks
        );
        CheckDone();
    }

    private void Statistics((GuardedBuffer Mean, GuardedBuffer Var)? running)
    {
        var (chunkOffset, chunkM2) = (_bench.Vector(_chunks * _channels), _bench.Vector(_chunks * _channels));
        if (_atOnce)
        {
            _bench.Kernels.BatchNormTotals.BatchNormTotalStatistics(
                Totals,
                _mean.Pointer,
                _rstd.Pointer,
                running?.Mean.Pointer ?? default,
                running?.Var.Pointer ?? default,
                chunkOffset.Pointer,
                chunkM2.Pointer,
                _done.Pointer(),
                _x.Pointer,
                _rows,
                _channels,
                _chunks,
                Eps,
                0.1
            );
            CheckDone();
            return;
        }

        Kernel.BatchNormStatistics(Chunks, chunkOffset.Pointer, chunkM2.Pointer, _x.Pointer, _rows, _channels, _chunks);
        Kernel.BatchNormStatisticsFinish(
            Channels,
            _mean.Pointer,
            _rstd.Pointer,
            running?.Mean.Pointer ?? default,
            running?.Var.Pointer ?? default,
            chunkOffset.Pointer,
            chunkM2.Pointer,
            _x.Pointer,
            _rows,
            _channels,
            _chunks,
            Eps,
            0.1
        );
    }
}
