using Lur.Unlearning;

namespace Lur.Runs;

/// <summary>Shows the preparations of a method as stages of the run: a preparation may go through several.</summary>
/// <param name="progress">Where progress goes.</param>
internal sealed class PreparationStages(IProgress<RunEvent>? progress)
{
    private Stage? _stage;
    private string _name = "";

    /// <summary>Runs a preparation; its last stage ends with it.</summary>
    public PreparationReport Run(Preparation preparation)
    {
        try
        {
            return preparation.Run();
        }
        finally
        {
            _stage?.Dispose();
            (_stage, _name) = (null, "");
        }
    }

    /// <summary>Hears how far a preparation is.</summary>
    public void Report(PreparationProgress p)
    {
        if (p.Stage != _name)
        {
            _stage?.Dispose();
            (_stage, _name) = (progress.Stage(p.Stage, p.Total, p.Unit), p.Stage);
        }

        _stage!.Report(p.Done);
    }
}
