namespace Halfspace.Runtime.Generation.Grammars;

/// <summary>
/// Runs a grammar over bytes. A state is the set of all places in the grammar that the text so far can lead to, each with its stack; states
/// are numbered as they are met and their transitions kept, so that known ways cost a look-up and allocate nothing.
/// </summary>
internal sealed class Automaton
{
    /// <summary>No text leads on from here.</summary>
    public const int Dead = -1;

    // A place of no node: the text is complete.
    private const int Complete = -1, NoFrame = -1;
    private const int MostStates = 1024, MostPlaces = 16_384;

    private readonly GrammarGraph _graph;
    private readonly bool[] _productive;

    // Frames are (node to return to, repetitions there, frame below); places are (node, 0, frame).
    private TripleTable _frames = new(), _places = new(), _otherFrames = new(), _otherPlaces = new();
    private readonly TripleTable _visited = new();
    private readonly SequenceTable _states = new();
    private int[] _next = []; // [states, 256]: the state + 2, 1 if dead, 0 if not known
    private int[] _near = []; // [states]: Near's result + 1, 0 if not known
    private int[] _list = new int[64];
    private int _listed;

    /// <param name="graph">The grammar.</param>
    /// <param name="productive">The nodes that may be used.</param>
    public Automaton(GrammarGraph graph, bool[] productive)
    {
        _graph = graph;
        _productive = productive;
        Begin();
    }

    /// <summary>The state at the begin of a text, until <see cref="Trim"/>.</summary>
    public int Start { get; private set; }

    /// <summary>States known.</summary>
    public int Count => _states.Count;

    /// <summary>Whether the text may end in a state.</summary>
    public bool IsComplete(int state)
    {
        foreach (int place in _states[state])
            if (_places[place].A == Complete) return true;
        return false;
    }

    /// <summary>The state after one more byte, or <see cref="Dead"/>.</summary>
    public int Step(int state, byte value)
    {
        int known = _next[(state << 8) + value];
        return known != 0 ? known - 2 : Compute(state, value);
    }

    /// <summary>A state from which the same texts of up to <see cref="VocabularyTrie.LongestToken"/> bytes lead on: counts whose bounds are out of reach
    /// are replaced by one number, so that the same mask serves all along a long string.</summary>
    public int Near(int state)
    {
        if (_near[state] > 0) return _near[state] - 1;
        _listed = 0;
        int count = _states[state].Length;
        for (int i = 0; i < count; i++)
        {
            (int node, _, int frame) = _places[_states[state][i]];
            List(_places.Intern(node, 0, NearFrame(frame)));
        }

        int near = Number();
        _near[state] = near + 1;
        return near;
    }

    /// <summary>Forgets all states but one if many are known.</summary>
    /// <returns>Whether states were forgotten: then <paramref name="state"/> has another number.</returns>
    public bool Trim(ref int state)
    {
        if (_states.Count < MostStates) return false;
        ReadOnlySpan<int> places = _states[state];
        EnsureList(places.Length);
        for (_listed = 0; _listed < places.Length; _listed++) _list[_listed] = places[_listed];
        (_places, _otherPlaces) = (_otherPlaces, _places);
        (_frames, _otherFrames) = (_otherFrames, _frames);
        _places.Clear();
        _frames.Clear();
        for (int i = 0; i < _listed; i++)
        {
            (int node, _, int frame) = _otherPlaces[_list[i]];
            _list[i] = _places.Intern(node, 0, Copy(frame));
        }

        Array.Clear(_next, 0, _states.Count << 8);
        Array.Clear(_near, 0, _states.Count);
        _states.Clear();
        state = Number();
        return true;
    }

    private void Begin()
    {
        _visited.Clear();
        _listed = 0;
        Close(_graph.Start, 0, NoFrame);
        Start = Number();
    }

    private int Compute(int state, byte value)
    {
        _visited.Clear();
        _listed = 0;
        int count = _states[state].Length;
        for (int i = 0; i < count; i++)
        {
            (int node, _, int frame) = _places[_states[state][i]];
            if (node != Complete && _graph.Set(node).Contains(value)) Close(_graph[node].Next, 0, frame);
        }

        int next = _listed == 0 ? Dead : Number();
        _next[(state << 8) + value] = next + 2;
        return next;
    }

    /// <summary>Lists the places that a node leads to without taking a byte.</summary>
    private void Close(int node, int times, int frame)
    {
        int from = _visited.Count;
        Visit(node, times, frame);
        for (; from < _visited.Count; from++)
        {
            (int at, int done, int below) = _visited[from];
            ref readonly GrammarNode n = ref _graph[at];
            switch (n.Kind)
            {
                case GrammarNodeKind.Bytes:
                    List(_places.Intern(at, 0, below));
                    break;
                case GrammarNodeKind.Split:
                    foreach (int choice in n.Choices!) Visit(choice, 0, below);
                    break;
                case GrammarNodeKind.Call:
                    // A call at a part's end is a jump: what it returns to would only return.
                    Visit(n.Target, 0, _graph[n.Next].Kind == GrammarNodeKind.Return ? below : _frames.Intern(n.Next, 0, below));
                    break;
                case GrammarNodeKind.Repeat:
                    if (done >= n.Least) Visit(n.Next, 0, below);
                    // Where there is no upper bound, repetitions beyond the least need no counting.
                    if ((n.Most < 0 || done < n.Most) && _productive[n.Target])
                        Visit(n.Target, 0, _frames.Intern(at, n.Most < 0 ? Math.Min(done + 1, n.Least) : done + 1, below));
                    break;
                default:
                    if (below == NoFrame) List(_places.Intern(Complete, 0, NoFrame));
                    else Return(below);
                    break;
            }
        }
    }

    private void Return(int frame)
    {
        (int node, int times, int below) = _frames[frame];
        Visit(node, times, below);
    }

    private void Visit(int node, int times, int frame)
    {
        if (!_productive[node]) return;
        if (_visited.Count > MostPlaces) throw new ModelException("The grammar has too many readings of one text; make the schema's patterns simpler.");
        _visited.Intern(node, times, frame);
    }

    private void List(int place)
    {
        EnsureList(_listed + 1);
        _list[_listed++] = place;
    }

    private void EnsureList(int length)
    {
        if (length > _list.Length) Array.Resize(ref _list, Math.Max(length, 2 * _list.Length));
    }

    private int Number()
    {
        Span<int> places = _list.AsSpan(0, _listed);
        places.Sort();
        int count = 0;
        foreach (int place in places)
            if (count == 0 || places[count - 1] != place) places[count++] = place;
        int state = _states.Intern(places[..count]);
        if (_states.Count > _near.Length)
        {
            Array.Resize(ref _near, Math.Max(32, 2 * _near.Length));
            Array.Resize(ref _next, _near.Length << 8);
        }

        return state;
    }

    private int NearFrame(int frame)
    {
        if (frame == NoFrame) return NoFrame;
        (int node, int times, int below) = _frames[frame];
        ref readonly GrammarNode n = ref _graph[node];
        if (n.Kind == GrammarNodeKind.Repeat && (n.Most < 0 || n.Most - times > VocabularyTrie.LongestToken))
        {
            // A repetition takes at least a byte, or counts for nothing.
            if (times >= n.Least) times = n.Least;
            else if (n.Least - times > VocabularyTrie.LongestToken) times = 0;
        }

        return _frames.Intern(node, times, NearFrame(below));
    }

    private int Copy(int frame)
    {
        if (frame == NoFrame) return NoFrame;
        (int node, int times, int below) = _otherFrames[frame];
        return _frames.Intern(node, times, Copy(below));
    }
}
