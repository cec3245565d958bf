using System.Globalization;
using Lur.Reports;
using Lur.Runs;

namespace Lur.Cli;

/// <summary>How far a run is as a whole, and how long it will still take: stages that are over say what the rest of their kind will
/// cost.</summary>
/// <param name="time">The clock; tests give their own.</param>
internal sealed class WholeRun(TimeProvider? time = null)
{
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly Dictionary<string, (double Seconds, double Work)> _known = new(StringComparer.Ordinal);
    private IReadOnlyList<PlannedStage> _stages = [];
    private (int Done, int Total, int Found) _part;
    private int _next;
    private bool _running;
    private double _share,
        _shareBefore, // of the stage, when it began: a run that was resumed
        _spent;
    private long _stageStart,
        _partsStart;

    /// <summary>Takes a plan; what was planned before is void, what was learned about costs stays.</summary>
    public void Plan(RunPlanned plan) => (_stages, _next, _running, _spent) = (plan.Stages, 0, false, 0);

    /// <summary>Goes on to the next of several runs.</summary>
    public void Part(RunPart part)
    {
        if (_part.Total == 0)
            _partsStart = _time.GetTimestamp();
        _part = (part.Done, part.Total, part.Found);
        (_stages, _next, _running, _spent) = ([], 0, false, 0);
    }

    /// <summary>A stage begins; what was planned before it and did not come is skipped.</summary>
    /// <param name="stage">Its name.</param>
    /// <param name="share">Share of it that was done before.</param>
    public void Start(string stage, double share = 0)
    {
        for (var i = _next; i < _stages.Count; i++)
        {
            if (!stage.StartsWith(_stages[i].Kind, StringComparison.Ordinal))
                continue;
            (_next, _running, _share, _shareBefore, _stageStart) = (i, true, share, share, _time.GetTimestamp());
            return;
        }

        // The plan was of something smaller, such as a judge's training, and is over: of this nobody knows.
        if (_next >= _stages.Count)
            _stages = [];
    }

    /// <summary>The stage is so far.</summary>
    public void Report(double share) => _share = share;

    /// <summary>The stage is over.</summary>
    public void End()
    {
        if (!_running)
            return;
        var seconds = _time.GetElapsedTime(_stageStart).TotalSeconds;
        var stage = _stages[_next];
        var (before, work) = _known.GetValueOrDefault(stage.Kind);
        _known[stage.Kind] = (before + seconds, work + ((1 - _shareBefore) * stage.Work));
        _spent += seconds;
        (_running, _next) = (false, _next + 1);
    }

    /// <summary>Share of the run that is over, from 0 to 1, and the seconds that are left; null while neither can be told.</summary>
    public (double Share, double SecondsLeft)? Estimate()
    {
        var inner = Inner();
        if (_part.Total == 0)
            return inner;
        var done = _part.Done + (inner?.Share ?? 0);
        // What was found took no time.
        var made = done - _part.Found;
        var elapsed = _time.GetElapsedTime(_partsStart).TotalSeconds;
        return made > 0 ? (done / _part.Total, elapsed / made * (_part.Total - done)) : null;
    }

    /// <summary>A bar with the share and the time left; empty while there is nothing to tell.</summary>
    public string Text(bool bar)
    {
        if (Estimate() is not { } e)
            return "";
        const int cells = 10;
        var full = (int)(e.Share * cells);
        var left = Cell.FormatTime(TimeSpan.FromSeconds(Math.Min(e.SecondsLeft, 1e9)));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{(bar ? $"[{new string('#', full)}{new string('.', cells - full)}]" : "run")} {100 * e.Share:F0} %, {left} left"
        );
    }

    private (double Share, double SecondsLeft)? Inner()
    {
        if (_stages.Count == 0)
            return null;
        var elapsed = _running ? _time.GetElapsedTime(_stageStart).TotalSeconds : 0;
        // Seconds of a unit of work where its kind has not been seen: the mean of what has.
        var (seconds, work) = (_known.Values.Sum(k => k.Seconds), _known.Values.Sum(k => k.Work));
        var share = _share - _shareBefore;
        if (_running && share > 0)
            (seconds, work) = (seconds + elapsed, work + (share * _stages[_next].Work));
        if (work <= 0)
            return null;
        double Cost(PlannedStage stage) =>
            stage.Work * (_known.TryGetValue(stage.Kind, out var known) && known.Work > 0 ? known.Seconds / known.Work : seconds / work);
        var left = _stages.Skip(_running ? _next + 1 : _next).Sum(Cost);
        if (_running)
            left += (1 - _share) * (share > 0 ? elapsed / share : Cost(_stages[_next]));
        var total = _spent + elapsed + left;
        return total > 0 ? ((_spent + elapsed) / total, left) : null;
    }
}
