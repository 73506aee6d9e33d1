// The grammar of `.nn`. Between lexer and parser stands TokenFilter: it decides which line ends count (exactly one NL
// ends each statement and declaration) and makes all brackets match, so that the parser can skip a broken statement.
grammar NN;

// The `else` of a condition, `x = 1 if c else 2`: it does not follow a `}`. Were both one token, every `else if` would
// be looked ahead to its end, in quadratic time.
tokens { VALUE_ELSE }

file        : fileLine* EOF ;
fileLine    : declaration NL ;
settingValue : expr NL EOF ; // of `-D name=value`

declaration : 'import' STRING ('as' name)?                                               # importDeclaration
            | 'const' name '=' expr                                                      # constDeclaration
            | ('layer' | 'model') name settings? (NL? '(' args? ')' result?)? body       # layerDeclaration
            | function                                                                   # functionDeclaration
            | 'optimizer' name settings? '(' args? ')' body                              # optimizerDeclaration
            | 'train' name ('.' name)? '(' args? ')' result? trainBody                   # trainDeclaration
            ;
function    : 'fn' name '(' args? ')' result? body vjp? ;
vjp         : 'vjp' '(' args? ')' body ;
settings    : '[' setting (',' setting)* ']' ;
setting     : name ('=' expr)? ;
args        : arg (',' arg)* ;
arg         : name (':' type)? ('=' expr)? ;
result      : '->' (type | '(' part (',' part)* ')') ;
part        : (name ':')? type ;
type        : name ('[' dim (',' dim)* ']')? ;
dim         : '...' | expr ('->' expr)? ;

body        : '{' bodyLine* '}' ;
bodyLine    : statement NL ;
statement   : ('param' | 'state' | 'buffer') arg (',' arg)* alias? condition?            # variableStatement
            | 'use' name '=' postfix alias? condition?                                   # useStatement
            | 'const' name '=' expr                                                      # constStatement
            | function                                                                   # functionStatement
            | 'let' binding (',' binding)*                                               # letStatement
            | 'yield' values                                                             # yieldStatement
            | values ('<-' expr)?                                                        # valueStatement
            ;
alias       : 'as' STRING ;
condition   : 'if' expr (VALUE_ELSE expr)? ;
binding     : name (',' name)* (':' type)? '=' expr ;
values      : expr (',' expr)* ;

trainBody   : '{' trainLine* '}' ;
trainLine   : clause NL ;
clause      : 'minimize' expr                                                            # minimizeClause
            | 'with' postfix ('for' STRING (',' STRING)*)?                               # withClause
            | ('freeze' | 'eval') STRING (',' STRING)*                                   # pathsClause
            | name (name ('-'? number | name)? | number)                                 # wordClause
            | statement                                                                  # statementClause
            ;

// Loosest last. Parser refuses chains of comparisons and what follows a pipe without parentheses.
expr        : postfix                                                                    # operandExpr
            | <assoc = right> expr '^' expr                                              # powerExpr
            | '-' expr                                                                   # negativeExpr
            | expr ('*' | '/' | '@') expr                                                # productExpr
            | expr ('+' | '-') expr                                                      # sumExpr
            | expr ('==' | '!=' | '<' | '<=' | '>' | '>=') expr                          # comparisonExpr
            | 'not' expr                                                                 # notExpr
            | expr 'and' expr                                                            # andExpr
            | expr 'or' expr                                                             # orExpr
            | expr '|>' postfix                                                          # pipeExpr
            ;
postfix     : primary suffix* ;
suffix      : '(' (actual (',' actual)*)? ')'                                            # callSuffix
            | '[' item (',' item)* ']'                                                   # indexSuffix
            | '.' name                                                                   # memberSuffix
            ;
actual      : pattern | name '=' expr | expr ;
item        : '...' | name '=' expr | expr (colon = ':' expr?)? | colon = ':' expr? ;
pattern     : axis+ '->' axis+ ;
axis        : name | INT | '...' | '(' name+ ')' ;

primary     : name                                                                       # namePrimary
            | number                                                                     # numberPrimary
            | STRING                                                                     # stringPrimary
            | ('true' | 'false')                                                         # booleanPrimary
            | '(' expr ')'                                                               # groupPrimary
            | 'einsum' '(' axes (',' axes)* '->' axis* (',' expr)+ ')'                   # einsumPrimary
            | 'if' expr body ('else' 'if' expr body)* ('else' body)?                     # ifPrimary
            | 'checkpoint' body                                                          # checkpointPrimary
            | 'scan' 'reversed'? source (',' source)* ('until' expr)?
                ('carrying' carry (',' carry)*)? body                                    # scanPrimary
            | ('sum' | 'mean' | 'max' | 'min' | 'each') over body                        # neighbourhoodPrimary
            | 'attend' over attendBody                                                   # attendPrimary
            ;
axes        : axis+ ;
source      : name 'in' expr ;
carry       : name '=' expr ;
over        : '(' (name ',')* (name ':')? name '->' name ')' 'in' postfix ('where' expr)? ;
attendBody  : '{' attendLine* '}' ;
attendLine  : ('let' binding (',' binding)* | 'score' expr | 'value' expr) NL ;

name        : ID | 'in' | 'as' | 'for' | 'where' | 'score' | 'value' | 'sum' | 'mean' | 'max' | 'min' | 'each'
            | 'reversed' | 'until' | 'carrying' | 'eval' ;
number      : INT | FLOAT ;

OPEN_ROUND  : '(' ;
CLOSE_ROUND : ')' ;
OPEN_SQUARE : '[' ;
CLOSE_SQUARE: ']' ;
OPEN_CURLY  : '{' ;
CLOSE_CURLY : '}' ;
ELSE        : 'else' ;
// Soft words, in one run: ParserErrors counts on it.
IN : 'in' ; AS : 'as' ; FOR : 'for' ; WHERE : 'where' ; SCORE : 'score' ; VALUE : 'value' ; SUM : 'sum' ;
MEAN : 'mean' ; MAX : 'max' ; MIN : 'min' ; EACH : 'each' ; REVERSED : 'reversed' ; UNTIL : 'until' ;
CARRYING : 'carrying' ; EVAL : 'eval' ;

NL          : '\n' | ';' ;
DOC         : '///' (~[/\n] ~[\n]*)? ;
COMMENT     : '//' ~[\n]* -> skip ;
SPACE       : [ \t\r]+ -> skip ;
INT         : [0-9]+ ;
FLOAT       : [0-9]+ '.' [0-9]+ ([eE] [+-]? [0-9]+)? | [0-9]+ [eE] [+-]? [0-9]+ ;
STRING      : '"' ~["\n]* '"' ;
ID          : [A-Za-z_] [A-Za-z0-9_]* ;

// What looks like something else; each is one error of ours.
BAD_NUMBER  : [0-9]+ '.'? [A-Za-z0-9_]+ | [0-9]+ '.' [0-9]+ [A-Za-z_] [A-Za-z0-9_]* | [0-9]+ '.' | '.' [0-9]+ ;
BAD_STRING  : '"' ~["\n]* | '\'' ~['\n]* '\'' ;
BAD_OPERATOR: '**' | '&&' | '||' | '+=' | '-=' | '*=' | '/=' | '++' | '=>' | ':=' | '::' | '/*' | '*/' | '<>' | '..' ;
BAD_TEXT    : [\u0080-\u00FF]+ | . ;
